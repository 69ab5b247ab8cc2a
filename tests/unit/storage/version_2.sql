-- Our tables as the second version of tuner made them.
CREATE TABLE tuner_schema (
	id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	optuna INTEGER NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE tuner_studies (
	study_id INTEGER NOT NULL,
	name VARCHAR(512) NOT NULL,
	config JSON NOT NULL,
	facts JSON NOT NULL,
	state VARCHAR(16) NOT NULL,
	wall_s FLOAT NOT NULL,
	wall_seen FLOAT,
	created FLOAT NOT NULL,
	PRIMARY KEY (study_id),
	UNIQUE (name)
);
CREATE TABLE tuner_slots (
	study_id INTEGER NOT NULL,
	slot INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	trial_id INTEGER,
	trial_number INTEGER,
	owner VARCHAR(64),
	attempt INTEGER NOT NULL,
	expires FLOAT,
	crashes INTEGER NOT NULL,
	progress INTEGER NOT NULL,
	device_s FLOAT NOT NULL,
	device_seen FLOAT,
	checkpoint JSON,
	reason TEXT,
	PRIMARY KEY (study_id, slot),
	CONSTRAINT tuner_slots_trial UNIQUE (study_id, trial_id)
);
CREATE TABLE tuner_workers (
	owner VARCHAR(64) NOT NULL,
	lane INTEGER NOT NULL,
	study_id INTEGER NOT NULL,
	host VARCHAR(255) NOT NULL,
	pid INTEGER NOT NULL,
	device VARCHAR(64) NOT NULL,
	trial_number INTEGER,
	beat FLOAT NOT NULL,
	expires FLOAT NOT NULL,
	PRIMARY KEY (owner, lane)
);
CREATE TABLE tuner_events (
	id INTEGER NOT NULL,
	study_id INTEGER NOT NULL,
	moment FLOAT NOT NULL,
	kind VARCHAR(16) NOT NULL,
	slot INTEGER,
	trial_number INTEGER,
	attempt INTEGER,
	owner VARCHAR(64),
	step INTEGER,
	value FLOAT,
	detail TEXT,
	PRIMARY KEY (id)
);
CREATE INDEX tuner_events_study ON tuner_events (study_id, id);
INSERT INTO tuner_schema VALUES (1, 2, 5);
INSERT INTO tuner_studies VALUES (1, 'one', '{"name": "one"}', '{"family": "bert"}', 'open', 0.0, NULL, 1760000000.0);
INSERT INTO tuner_slots VALUES (1, 0, 'empty', NULL, NULL, NULL, 0, NULL, 0, 0, 0.0, NULL, NULL, NULL);
