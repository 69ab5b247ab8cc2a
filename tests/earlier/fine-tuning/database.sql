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
INSERT INTO "studies" VALUES(1,'fine-tuning');
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
INSERT INTO "study_system_attributes" VALUES(2,1,'dashboard:1:note_str:0','"**complete**, value 0.25647\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 4.00 | 0.6694 | 0.7390 | 0.6694 | 0.000281 |\n| 2 | 8.00 | 0.6245 | 0.6474 | 0.6245 | 0.00025 |\n| 3 | 12.00 | 0.5743 | 0.5997 | 0.5743 | 0.000219 |\n| 4 | 16.00 | 0.5081 | 0.5793 | 0.5081 | 0.000187 |\n| 5 | 20.00 | 0.4391 | 0.5148 | 0.4391 | 0.000156 |\n| 6 | 24.00 | 0.3737 | 0.4346 | 0.3737 | 0.000125 |\n| 7 | 28.00 | 0.3221 | 0.3844 | 0.3221 | 9.44e-05 |\n| 8 | 32.00 | 0.2848 | 0.3479 | 0.2848 | 6.34e-05 |\n| 9 | 36.00 | 0.2627 | 0.3328 | 0.2627 | 3.23e-05 |\n| 10 | 40.00 | 0.2565 | 0.3465 | 0.2565 | 1.29e-06 |\n\n### Effective configuration\n\n- `learning_rates`: encoder/decay 0.0003, encoder/no_decay 0.0003, head/decay 0.0003, head/no_decay 0.0003\n- `weight_decays`: encoder/decay 0.001, encoder/no_decay 0, head/decay 0.001, head/no_decay 0\n- `dropout`: 0.1 in 5 modules\n- `trainable_parameters`: 3442\n- `parameters`: 3442\n- `layers`: 1\n- `frozen_layers`: 0\n- `batch_size`: 8\n- `micro_batch`: 8\n- `optimiser_steps`: 240\n- `warmup_steps`: 8\n- `lr_scheduler_type`: linear\n- `evaluations`: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n- `max_grad_norm`: 1.0\n- `one_token`: False\n- `length_grouping`: True\n- `precision`: no\n- `device`: cpu\n- `threads`: 2\n- `seed`: 11\n"');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,6.69434905052185058593e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,2,6.2452411651611328125e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,3,5.74324011802673339843e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,4,5.08135914802551269531e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,1,5,4.39052045345306396484e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,1,6,3.73726308345794677734e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,1,7,3.22113931179046630859e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,1,8,2.84759789705276489257e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,1,9,0.262747585773468,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,1,10,2.56470024585723876953e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,2,1,6.52566432952880859375e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,2,2,5.99481403827667236328e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,2,3,4.98829752206802368164e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(3,1,'num_train_epochs',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [40.0]}}');
INSERT INTO "trial_params" VALUES(4,1,'dropout',0.1,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(5,1,'weight_decay',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(6,1,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "constant"]}}');
INSERT INTO "trial_params" VALUES(7,1,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0]}}');
INSERT INTO "trial_params" VALUES(8,1,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(9,1,'warmup_ratio',0.03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(10,2,'learning_rate',3.32036071971567503437e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0003, "high": 0.003, "log": true}}');
INSERT INTO "trial_params" VALUES(11,2,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8]}}');
INSERT INTO "trial_params" VALUES(12,2,'num_train_epochs',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [40.0]}}');
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
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"learning_rate": 0.0003, "batch_size": 8, "num_train_epochs": 40.0, "dropout": 0.1, "weight_decay": 0.001, "lr_scheduler_type": "linear", "frozen_layers": 0.0, "head_learning_rate_factor": 50.0, "warmup_ratio": 0.03}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'effective','{"learning_rates": {"encoder/decay": 0.0003, "encoder/no_decay": 0.0003, "head/decay": 0.0003, "head/no_decay": 0.0003}, "weight_decays": {"encoder/decay": 0.001, "encoder/no_decay": 0.0, "head/decay": 0.001, "head/no_decay": 0.0}, "dropout": {"bert.embeddings.dropout": 0.1, "bert.encoder.layer.0.attention.self.dropout": 0.1, "bert.encoder.layer.0.attention.output.dropout": 0.1, "bert.encoder.layer.0.output.dropout": 0.1, "dropout": 0.1}, "trainable_parameters": 3442, "parameters": 3442, "layers": 1, "frozen_layers": 0, "thawing": null, "batch_size": 8, "micro_batch": 8, "optimiser_steps": 240, "warmup_steps": 8, "lr_scheduler_type": "linear", "evaluations": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "max_grad_norm": 1.0, "trunk_cache": null, "one_token": false, "length_grouping": true, "precision": "no", "device": "cpu", "threads": 2, "seed": 11}');
INSERT INTO "trial_user_attributes" VALUES(2,1,'evaluation:01','{"step": 1, "value": 0.6694349050521851, "epoch": 4.0, "optimiser_steps": 24, "train_loss": 0.7390396284560362, "validation_loss": 0.6694349050521851, "learning_rate": 0.00028060344827586205}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'evaluation:02','{"step": 2, "value": 0.6245241165161133, "epoch": 8.0, "optimiser_steps": 48, "train_loss": 0.6474364548921585, "validation_loss": 0.6245241165161133, "learning_rate": 0.00024956896551724133}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'evaluation:03','{"step": 3, "value": 0.5743240118026733, "epoch": 12.0, "optimiser_steps": 72, "train_loss": 0.5996694142619768, "validation_loss": 0.5743240118026733, "learning_rate": 0.00021853448275862067}');
INSERT INTO "trial_user_attributes" VALUES(5,1,'evaluation:04','{"step": 4, "value": 0.5081359148025513, "epoch": 16.0, "optimiser_steps": 96, "train_loss": 0.579326914002498, "validation_loss": 0.5081359148025513, "learning_rate": 0.00018749999999999998}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'evaluation:05','{"step": 5, "value": 0.4390520453453064, "epoch": 20.0, "optimiser_steps": 120, "train_loss": 0.5147973783314228, "validation_loss": 0.4390520453453064, "learning_rate": 0.0001564655172413793}');
INSERT INTO "trial_user_attributes" VALUES(7,1,'evaluation:06','{"step": 6, "value": 0.3737263083457947, "epoch": 24.0, "optimiser_steps": 144, "train_loss": 0.4345741681754589, "validation_loss": 0.3737263083457947, "learning_rate": 0.0001254310344827586}');
INSERT INTO "trial_user_attributes" VALUES(8,1,'evaluation:07','{"step": 7, "value": 0.32211393117904663, "epoch": 28.0, "optimiser_steps": 168, "train_loss": 0.38440636172890663, "validation_loss": 0.32211393117904663, "learning_rate": 9.439655172413792e-05}');
INSERT INTO "trial_user_attributes" VALUES(9,1,'evaluation:08','{"step": 8, "value": 0.2847597897052765, "epoch": 32.0, "optimiser_steps": 192, "train_loss": 0.3478593236456315, "validation_loss": 0.2847597897052765, "learning_rate": 6.336206896551724e-05}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'evaluation:09','{"step": 9, "value": 0.262747585773468, "epoch": 36.0, "optimiser_steps": 216, "train_loss": 0.3327570706605911, "validation_loss": 0.262747585773468, "learning_rate": 3.2327586206896546e-05}');
INSERT INTO "trial_user_attributes" VALUES(11,1,'evaluation:10','{"step": 10, "value": 0.2564700245857239, "epoch": 40.0, "optimiser_steps": 240, "train_loss": 0.346475047369798, "validation_loss": 0.2564700245857239, "learning_rate": 1.2931034482758619e-06}');
INSERT INTO "trial_user_attributes" VALUES(12,1,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(13,1,'final_value','0.2564700245857239');
INSERT INTO "trial_user_attributes" VALUES(14,2,'effective','{"learning_rates": {"encoder/decay": 0.0003320360719715675, "encoder/no_decay": 0.0003320360719715675, "head/decay": 0.0003320360719715675, "head/no_decay": 0.0003320360719715675}, "weight_decays": {"encoder/decay": 0.0, "encoder/no_decay": 0.0, "head/decay": 0.0, "head/no_decay": 0.0}, "dropout": {"bert.embeddings.dropout": 0.10994818888761967, "bert.encoder.layer.0.attention.self.dropout": 0.10994818888761967, "bert.encoder.layer.0.attention.output.dropout": 0.10994818888761967, "bert.encoder.layer.0.output.dropout": 0.10994818888761967, "dropout": 0.10994818888761967}, "trainable_parameters": 3442, "parameters": 3442, "layers": 1, "frozen_layers": 0, "thawing": null, "batch_size": 8, "micro_batch": 8, "optimiser_steps": 240, "warmup_steps": 0, "lr_scheduler_type": "constant", "evaluations": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "max_grad_norm": 1.0, "trunk_cache": null, "one_token": false, "length_grouping": true, "precision": "no", "device": "cpu", "threads": 2, "seed": 11}');
INSERT INTO "trial_user_attributes" VALUES(15,2,'evaluation:01','{"step": 1, "value": 0.6525664329528809, "epoch": 4.0, "optimiser_steps": 24, "train_loss": 0.7191253205140432, "validation_loss": 0.6525664329528809, "learning_rate": 0.0003320360719715675}');
INSERT INTO "trial_user_attributes" VALUES(16,2,'evaluation:02','{"step": 2, "value": 0.5994814038276672, "epoch": 8.0, "optimiser_steps": 48, "train_loss": 0.6234102522333463, "validation_loss": 0.5994814038276672, "learning_rate": 0.0003320360719715675}');
INSERT INTO "trial_user_attributes" VALUES(17,2,'evaluation:03','{"step": 3, "value": 0.49882975220680237, "epoch": 12.0, "optimiser_steps": 72, "train_loss": 0.5638318844139576, "validation_loss": 0.49882975220680237, "learning_rate": 0.0003320360719715675}');
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
INSERT INTO "trial_values" VALUES(1,1,0,2.56470024585723876953e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 16:38:37.033472','2026-11-29 16:38:42.063946');
INSERT INTO "trials" VALUES(2,1,1,'RUNNING','2026-11-29 16:38:42.197291',NULL);
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
INSERT INTO "tuner_events" VALUES(1,1,1.79597031694400763508e+09,'claimed',0,NULL,1,'machine-5004-6851e44b',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(2,1,1.79597031797301030157e+09,'report',0,0,1,'machine-5004-6851e44b',1,6.69434905052185058593e-01,NULL);
INSERT INTO "tuner_events" VALUES(3,1,1.79597031806598901744e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',24,NULL,'trial-00000/attempt-1/best-00000024');
INSERT INTO "tuner_events" VALUES(4,1,1795970318.14899,'checkpoint',0,0,1,'machine-5004-6851e44b',32,NULL,'trial-00000/attempt-1/step-00000032');
INSERT INTO "tuner_events" VALUES(5,1,1.79597031829499602321e+09,'report',0,0,1,'machine-5004-6851e44b',2,6.2452411651611328125e-01,NULL);
INSERT INTO "tuner_events" VALUES(6,1,1.79597031857401275628e+09,'report',0,0,1,'machine-5004-6851e44b',3,5.74324011802673339843e-01,NULL);
INSERT INTO "tuner_events" VALUES(7,1,1.79597031894101953511e+09,'report',0,0,1,'machine-5004-6851e44b',4,5.08135914802551269531e-01,NULL);
INSERT INTO "tuner_events" VALUES(8,1,1.79597031899199485781e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',96,NULL,'trial-00000/attempt-1/best-00000096');
INSERT INTO "tuner_events" VALUES(9,1,1.79597031907600164415e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',98,NULL,'trial-00000/attempt-1/step-00000098');
INSERT INTO "tuner_events" VALUES(10,1,1.79597031977698349952e+09,'report',0,0,1,'machine-5004-6851e44b',5,4.39052045345306396484e-01,NULL);
INSERT INTO "tuner_events" VALUES(11,1,1.79597031985201835632e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',120,NULL,'trial-00000/attempt-1/best-00000120');
INSERT INTO "tuner_events" VALUES(12,1,1.79597031992399549485e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',133,NULL,'trial-00000/attempt-1/step-00000133');
INSERT INTO "tuner_events" VALUES(13,1,1.79597032010299253457e+09,'report',0,0,1,'machine-5004-6851e44b',6,3.73726308345794677734e-01,NULL);
INSERT INTO "tuner_events" VALUES(14,1,1.79597032050898528093e+09,'report',0,0,1,'machine-5004-6851e44b',7,3.22113931179046630859e-01,NULL);
INSERT INTO "tuner_events" VALUES(15,1,1.79597032092298412322e+09,'report',0,0,1,'machine-5004-6851e44b',8,2.84759789705276489257e-01,NULL);
INSERT INTO "tuner_events" VALUES(16,1,1.79597032101298570636e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',192,NULL,'trial-00000/attempt-1/best-00000192');
INSERT INTO "tuner_events" VALUES(17,1,1.79597032113501286513e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',198,NULL,'trial-00000/attempt-1/step-00000198');
INSERT INTO "tuner_events" VALUES(18,1,1.79597032145398116109e+09,'report',0,0,1,'machine-5004-6851e44b',9,0.262747585773468,NULL);
INSERT INTO "tuner_events" VALUES(19,1,1.79597032192901372906e+09,'report',0,0,1,'machine-5004-6851e44b',10,2.56470024585723876953e-01,NULL);
INSERT INTO "tuner_events" VALUES(20,1,1.79597032200799131395e+09,'checkpoint',0,0,1,'machine-5004-6851e44b',240,NULL,'trial-00000/attempt-1/best-00000240');
INSERT INTO "tuner_events" VALUES(21,1,1.79597032206701326373e+09,'end',0,0,1,'machine-5004-6851e44b',NULL,2.56470024585723876953e-01,'complete');
INSERT INTO "tuner_events" VALUES(22,1,1.79597032216498112685e+09,'claimed',1,NULL,1,'machine-5004-6851e44b',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(23,1,1795970323.16401,'report',1,1,1,'machine-5004-6851e44b',1,6.52566432952880859375e-01,NULL);
INSERT INTO "tuner_events" VALUES(24,1,1.79597032326000642776e+09,'checkpoint',1,1,1,'machine-5004-6851e44b',24,NULL,'trial-00001/attempt-1/best-00000024');
INSERT INTO "tuner_events" VALUES(25,1,1.79597032334799623491e+09,'checkpoint',1,1,1,'machine-5004-6851e44b',29,NULL,'trial-00001/attempt-1/step-00000029');
INSERT INTO "tuner_events" VALUES(26,1,1.79597032375801205633e+09,'report',1,1,1,'machine-5004-6851e44b',2,5.99481403827667236328e-01,NULL);
INSERT INTO "tuner_events" VALUES(27,1,1.79597032425501203535e+09,'report',1,1,1,'machine-5004-6851e44b',3,4.98829752206802368164e-01,NULL);
INSERT INTO "tuner_events" VALUES(28,1,1.79597032432501769062e+09,'checkpoint',1,1,1,'machine-5004-6851e44b',72,NULL,'trial-00001/attempt-1/best-00000072');
INSERT INTO "tuner_events" VALUES(29,1,1.79597032440298938751e+09,'checkpoint',1,1,1,'machine-5004-6851e44b',77,NULL,'trial-00001/attempt-1/step-00000077');
INSERT INTO "tuner_events" VALUES(30,1,1.7959703245040149689e+09,'checkpoint',1,1,1,'machine-5004-6851e44b',81,NULL,'trial-00001/attempt-1/step-00000081');
INSERT INTO "tuner_events" VALUES(31,1,1.79597032452799367906e+09,'released',1,1,1,'machine-5004-6851e44b',NULL,NULL,'stopped by SIGINT');
CREATE TABLE tuner_memory (
	model VARCHAR(128) NOT NULL, 
	device VARCHAR(128) NOT NULL, 
	precision VARCHAR(8) NOT NULL, 
	max_length INTEGER NOT NULL, 
	frozen INTEGER NOT NULL, 
	micro_batch INTEGER NOT NULL, 
	learned FLOAT NOT NULL, 
	PRIMARY KEY (model, device, precision, max_length, frozen)
);
CREATE TABLE tuner_schema (
	id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	optuna INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tuner_schema" VALUES(1,3,5);
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
INSERT INTO "tuner_slots" VALUES(1,0,'finished',1,0,NULL,1,NULL,0,1,5.13901853561401367187e+00,NULL,'{"resume": [{"key": "trial-00000/attempt-1/step-00000198", "sha256": "e6e8c56a3792e4432f59badb4845f7050185f93c8cfb2be5b4a5f20886c598c8", "bytes": 78937, "step": 198, "value": null, "tenth": null}], "best": {"key": "trial-00000/attempt-1/best-00000240", "sha256": "b30bab0a39d40155505cb77ff23e5ad4fa7093ad93f96643797dd11ef43269dd", "bytes": 16328, "step": 240, "value": 0.2564700245857239, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,1,'interrupted',2,1,NULL,1,NULL,0,1,2.35496592521667480468e+00,NULL,'{"resume": [{"key": "trial-00001/attempt-1/step-00000081", "sha256": "8dd93c56dcf0ed9a5b7622751113fa04a1eb2c1506c9ffa93ced32b7c929ce31", "bytes": 78873, "step": 81, "value": null, "tenth": null}, {"key": "trial-00001/attempt-1/step-00000077", "sha256": "1d7e43d64b61e71c606a5efb8e5d78aa8d489048116fdb6a0fd64f577f83be84", "bytes": 78873, "step": 77, "value": null, "tenth": null}], "best": {"key": "trial-00001/attempt-1/best-00000072", "sha256": "4d1db107495137056d97359a519c1430fb25e76fd5b5848d02ac624b57b8a6b2", "bytes": 16328, "step": 72, "value": 0.49882975220680237, "tenth": 3}}','stopped by SIGINT');
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
INSERT INTO "tuner_studies" VALUES(1,'fine-tuning','{"name": "fine-tuning", "task": "text-classification", "train": null, "model": "/srv/study/model", "revision": null, "trust_remote_code": false, "data": {"source": "/srv/study/sentences", "subset": null, "revision": null, "where": {}, "text": "text", "image": "image", "label": "label", "labels": null, "splits": {"train": "train", "validation": "validation", "test": "test"}}, "metric": {"name": "loss", "direction": "minimize"}, "search_space": {"learning_rate": {"low": 0.0003, "high": 0.003, "log": true}, "batch_size": 8, "num_train_epochs": 40, "lr_scheduler_type": ["linear", "constant"], "frozen_layers": 0}, "lr_scheduler_kwargs": {}, "sampler": {"name": "tpe", "n_startup_trials": null, "allow_pickle": false}, "pruner": {"name": "none", "percentile": 75.0, "n_startup_trials": 5, "n_warmup_steps": 2, "n_min_trials": 5, "min_resource": 2, "reduction_factor": 3}, "checkpoints": null, "budget": {"trials": 2, "time": null, "device_hours": null, "trial_time": null}, "max_length": 16, "precision": "auto", "early_stopping": null, "evaluations": 10, "checkpoint_every": 60.0, "speed": {"trunk_cache": true, "one_token": true, "length_grouping": true}, "keep": 1, "max_restarts": 5, "max_failed": 5, "seed": 11}','{"family": "minilm", "recipe": {"learning_rate": 5e-05, "batch_size": 32, "num_train_epochs": 5, "dropout": 0.1, "weight_decay": 0.001, "lr_scheduler_type": "linear", "warmup_ratio": 0.03, "frozen_layers": 0.0, "head_learning_rate_factor": 50}, "space": {"learning_rate": {"type": "float", "low": 0.0003, "high": 0.003, "log": true}, "batch_size": {"type": "categorical", "choices": [8]}, "num_train_epochs": {"type": "categorical", "choices": [40.0]}, "dropout": {"type": "float", "low": 0.0, "high": 0.3}, "weight_decay": {"type": "categorical", "choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}, "lr_scheduler_type": {"type": "categorical", "choices": ["linear", "constant"]}, "frozen_layers": {"type": "categorical", "choices": [0.0]}, "head_learning_rate_factor": {"type": "categorical", "choices": [50.0]}, "warmup_ratio": {"type": "float", "low": 0.0, "high": 0.2, "when": {"lr_scheduler_type": ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay"]}}}, "data": "2046ead00b686fe5312246094e9dd3d0", "tokenizer": "3b7709eabd1575e0b582256ef16b8b5b", "weights": "1f27a01b6afc1147a287853b9e409e3e86bbf631ef0c1490cb416180be4f4979", "versions": {"torch": "2.13.0", "transformers": "5.23.0", "tokenizers": "0.23.3", "numpy": "2.4.6"}, "sizes": {"train": 48, "validation": 20, "test": 10}, "labels": ["negative", "positive"], "layers": 1, "file_budget": {"trials": 2, "time": null, "device_hours": null, "trial_time": null}, "folder": "/srv/study"}','open',6.99601912498474121093e+00,NULL,1.79597031669211578373e+09);
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
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE INDEX tuner_events_study ON tuner_events (study_id, id);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
