PRAGMA journal_mode=WAL;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'version-1');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'dashboard:1:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(2,1,'dashboard:1:note_str:0','"**complete**, value 0.644625\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 4 | 4.00 | 0.6740 | 0.7351 | 0.6740 | 0.000191 |\n| 10 | 10.00 | 0.6446 | 0.6606 | 0.6446 | 5.17e-06 |\n\n### Effective configuration\n\n- `learning_rates`: encoder/decay 0.0003, encoder/no_decay 0.0003, head/decay 0.0003, head/no_decay 0.0003\n- `weight_decays`: encoder/decay 0.001, encoder/no_decay 0, head/decay 0.001, head/no_decay 0\n- `dropout`: 0.1 in 5 modules\n- `trainable_parameters`: 3442\n- `parameters`: 3442\n- `layers`: 1\n- `frozen_layers`: 0\n- `batch_size`: 8\n- `micro_batch`: 8\n- `optimiser_steps`: 60\n- `warmup_steps`: 2\n- `lr_scheduler_type`: linear\n- `evaluations`: [4, 10]\n- `max_grad_norm`: 1.0\n- `precision`: no\n- `device`: cpu\n- `threads`: 2\n- `seed`: 11\n"');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,4,6.74033284187316894531e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,10,6.4462476968765258789e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,4,6.52566432952880859375e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'learning_rate',0.0003,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0003, "high": 0.003, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8]}}');
INSERT INTO "trial_params" VALUES(3,1,'num_train_epochs',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [10.0]}}');
INSERT INTO "trial_params" VALUES(4,1,'dropout',0.1,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(5,1,'weight_decay',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(6,1,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "constant"]}}');
INSERT INTO "trial_params" VALUES(7,1,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0]}}');
INSERT INTO "trial_params" VALUES(8,1,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(9,1,'warmup_ratio',0.03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(10,2,'learning_rate',3.32036071971567503437e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0003, "high": 0.003, "log": true}}');
INSERT INTO "trial_params" VALUES(11,2,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8]}}');
INSERT INTO "trial_params" VALUES(12,2,'num_train_epochs',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [10.0]}}');
INSERT INTO "trial_params" VALUES(13,2,'dropout',1.09948188887619674458e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(14,2,'weight_decay',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(15,2,'lr_scheduler_type',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "constant"]}}');
INSERT INTO "trial_params" VALUES(16,2,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0]}}');
INSERT INTO "trial_params" VALUES(17,2,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"learning_rate": 0.0003, "batch_size": 8, "num_train_epochs": 10.0, "dropout": 0.1, "weight_decay": 0.001, "lr_scheduler_type": "linear", "frozen_layers": 0.0, "head_learning_rate_factor": 50.0, "warmup_ratio": 0.03}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'effective','{"learning_rates": {"encoder/decay": 0.0003, "encoder/no_decay": 0.0003, "head/decay": 0.0003, "head/no_decay": 0.0003}, "weight_decays": {"encoder/decay": 0.001, "encoder/no_decay": 0.0, "head/decay": 0.001, "head/no_decay": 0.0}, "dropout": {"bert.embeddings.dropout": 0.1, "bert.encoder.layer.0.attention.self.dropout": 0.1, "bert.encoder.layer.0.attention.output.dropout": 0.1, "bert.encoder.layer.0.output.dropout": 0.1, "dropout": 0.1}, "trainable_parameters": 3442, "parameters": 3442, "layers": 1, "frozen_layers": 0, "thawing": null, "batch_size": 8, "micro_batch": 8, "optimiser_steps": 60, "warmup_steps": 2, "lr_scheduler_type": "linear", "evaluations": [4, 10], "max_grad_norm": 1.0, "precision": "no", "device": "cpu", "threads": 2, "seed": 11}');
INSERT INTO "trial_user_attributes" VALUES(2,1,'evaluation:04','{"step": 4, "value": 0.6740332841873169, "epoch": 4.0, "optimiser_steps": 24, "train_loss": 0.7351096409062544, "validation_loss": 0.6740332841873169, "learning_rate": 0.0001913793103448276}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'evaluation:10','{"step": 10, "value": 0.6446247696876526, "epoch": 10.0, "optimiser_steps": 60, "train_loss": 0.6606167438957427, "validation_loss": 0.6446247696876526, "learning_rate": 5.1724137931034475e-06}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(5,1,'final_value','0.6446247696876526');
INSERT INTO "trial_user_attributes" VALUES(6,2,'effective','{"learning_rates": {"encoder/decay": 0.0003320360719715675, "encoder/no_decay": 0.0003320360719715675, "head/decay": 0.0003320360719715675, "head/no_decay": 0.0003320360719715675}, "weight_decays": {"encoder/decay": 0.0, "encoder/no_decay": 0.0, "head/decay": 0.0, "head/no_decay": 0.0}, "dropout": {"bert.embeddings.dropout": 0.10994818888761967, "bert.encoder.layer.0.attention.self.dropout": 0.10994818888761967, "bert.encoder.layer.0.attention.output.dropout": 0.10994818888761967, "bert.encoder.layer.0.output.dropout": 0.10994818888761967, "dropout": 0.10994818888761967}, "trainable_parameters": 3442, "parameters": 3442, "layers": 1, "frozen_layers": 0, "thawing": null, "batch_size": 8, "micro_batch": 8, "optimiser_steps": 60, "warmup_steps": 0, "lr_scheduler_type": "constant", "evaluations": [4, 10], "max_grad_norm": 1.0, "precision": "no", "device": "cpu", "threads": 2, "seed": 11}');
INSERT INTO "trial_user_attributes" VALUES(7,2,'evaluation:04','{"step": 4, "value": 0.6525664329528809, "epoch": 4.0, "optimiser_steps": 24, "train_loss": 0.7191253205140432, "validation_loss": 0.6525664329528809, "learning_rate": 0.0003320360719715675}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,6.4462476968765258789e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 16:55:46.846512','2026-11-29 16:56:38.299449');
INSERT INTO "trials" VALUES(2,1,1,'RUNNING','2026-11-29 16:56:38.477564',NULL);
CREATE TABLE tuner_schema (
	id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tuner_schema" VALUES(1,1);
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
INSERT INTO "tuner_slots" VALUES(1,0,'finished',1,0,NULL,1,0,5.08280365959999471661e+01,NULL);
INSERT INTO "tuner_slots" VALUES(1,1,'interrupted',2,1,NULL,1,0,2.65666381320002074071e+01,'stopped by SIGINT');
INSERT INTO "tuner_slots" VALUES(1,2,'empty',NULL,NULL,NULL,0,0,0.0,NULL);
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
INSERT INTO "tuner_studies" VALUES(1,'version-1','{"name": "version-1", "task": "text-classification", "model": "/srv/study/model", "revision": null, "data": {"source": "/srv/study/sentences", "subset": null, "revision": null, "where": {}, "text": "text", "image": "image", "label": "label", "labels": null, "splits": {"train": "train", "validation": "validation", "test": "test"}}, "metric": {"name": "loss", "direction": "minimize"}, "search_space": {"learning_rate": {"low": 0.0003, "high": 0.003, "log": true}, "batch_size": 8, "num_train_epochs": 10, "lr_scheduler_type": ["linear", "constant"], "frozen_layers": 0}, "lr_scheduler_kwargs": {}, "sampler": "tpe", "pruner": {"name": "none", "percentile": 75.0, "n_startup_trials": 5, "n_warmup_steps": 2, "n_min_trials": 5, "min_resource": 2, "reduction_factor": 3}, "checkpoints": null, "budget": {"trials": 3, "time": null, "device_hours": null}, "max_length": 16, "precision": "auto", "early_stopping": null, "evaluations": 2, "checkpoint_every": 60.0, "keep": 1, "max_restarts": 5, "seed": 11}','{"family": "minilm", "recipe": {"learning_rate": 5e-05, "batch_size": 32, "num_train_epochs": 5, "dropout": 0.1, "weight_decay": 0.001, "lr_scheduler_type": "linear", "warmup_ratio": 0.03, "frozen_layers": 0.0, "head_learning_rate_factor": 50}, "space": {"learning_rate": {"type": "float", "low": 0.0003, "high": 0.003, "log": true}, "batch_size": {"type": "categorical", "choices": [8]}, "num_train_epochs": {"type": "categorical", "choices": [10.0]}, "dropout": {"type": "float", "low": 0.0, "high": 0.3}, "weight_decay": {"type": "categorical", "choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}, "lr_scheduler_type": {"type": "categorical", "choices": ["linear", "constant"]}, "frozen_layers": {"type": "categorical", "choices": [0.0]}, "head_learning_rate_factor": {"type": "categorical", "choices": [50.0]}, "warmup_ratio": {"type": "float", "low": 0.0, "high": 0.2, "when": {"lr_scheduler_type": ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay"]}}}, "data": "4cce827efe520af347a6322c32602ca5", "sizes": {"train": 48, "validation": 20, "test": 10}, "labels": ["negative", "positive"], "layers": 1, "file_budget": {"trials": 3, "time": null, "device_hours": null}}',7.88122585529999923874e+01,1.79597133391145181652e+09);
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
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
