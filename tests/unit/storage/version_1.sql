-- Our tables as the first version of tuner made them.
CREATE TABLE tuner_schema (
	id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE tuner_slots (
	study_id INTEGER NOT NULL,
	slot INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	trial_id INTEGER,
	trial_number INTEGER,
	owner VARCHAR(64),
	attempt INTEGER NOT NULL,
	crashes INTEGER NOT NULL,
	device_s FLOAT NOT NULL,
	reason TEXT,
	PRIMARY KEY (study_id, slot)
);
CREATE TABLE tuner_studies (
	study_id INTEGER NOT NULL,
	name VARCHAR(512) NOT NULL,
	config JSON NOT NULL,
	facts JSON NOT NULL,
	wall_s FLOAT NOT NULL,
	created FLOAT NOT NULL,
	PRIMARY KEY (study_id),
	UNIQUE (name)
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
	PRIMARY KEY (owner, lane)
);
INSERT INTO tuner_schema VALUES (1, 1);
INSERT INTO tuner_studies VALUES (
	1, 'one', '{"name": "one", "task": "text-classification", "model": "sentence-transformers/all-MiniLM-L6-v2", "revision": null,
  "data": {"source": "imdb", "subset": null, "revision": null, "where": {}, "text": "text", "image": "image",
   "label": "label", "labels": null, "splits": {"train": 0.8, "validation": 0.1, "test": 0.1}},
  "metric": {"name": "accuracy", "direction": "maximize"}, "search_space": null, "lr_scheduler_kwargs": {},
  "sampler": "tpe", "pruner": {"name": "percentile", "percentile": 75.0, "n_startup_trials": 5, "n_warmup_steps": 2,
   "n_min_trials": 5, "min_resource": 2, "reduction_factor": 3},
  "checkpoints": null, "budget": {"trials": 8, "time": null, "device_hours": null}, "max_length": 128,
  "precision": "auto", "early_stopping": {"patience": 3}, "evaluations": "auto", "checkpoint_every": 60.0, "keep": 1,
  "max_restarts": 5, "seed": 0}',
	'{"family": "bert", "data": "2ea38037ffba53bf1b43e682bea74122", "layers": 6}', 12.5, 1760000000.0
);
-- Trials 0 to 3 have ended, 4 is interrupted, 5 is held by a supervisor that has ended since, as is a slot without one.
INSERT INTO tuner_slots VALUES (1, 0, 'finished', 1, 0, NULL, 1, 0, 10.0, NULL);
INSERT INTO tuner_slots VALUES (1, 1, 'finished', 2, 1, NULL, 1, 0, 10.0, NULL);
INSERT INTO tuner_slots VALUES (1, 2, 'finished', 3, 2, NULL, 3, 1, 20.0, 'preempted');
INSERT INTO tuner_slots VALUES (1, 3, 'finished', 4, 3, NULL, 1, 0, 10.0, NULL);
INSERT INTO tuner_slots VALUES (1, 4, 'interrupted', 5, 4, NULL, 2, 1, 7.5, 'preempted');
INSERT INTO tuner_slots VALUES (1, 5, 'running', 6, 5, 'gone-1-abc', 1, 0, 0.0, NULL);
INSERT INTO tuner_slots VALUES (1, 6, 'running', NULL, NULL, 'gone-1-abc', 1, 0, 0.0, NULL);
INSERT INTO tuner_slots VALUES (1, 7, 'empty', NULL, NULL, NULL, 0, 0, 0.0, NULL);
INSERT INTO tuner_workers VALUES ('gone-1-abc', 0, 1, 'host', 1, 'cpu', 5, 2460000.5);
