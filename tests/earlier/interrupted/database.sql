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
INSERT INTO "studies" VALUES(1,'interrupted');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
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
INSERT INTO "study_system_attributes" VALUES(2,1,'dashboard:1:note_str:0','"**complete**, value 0.352975\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.1189 | 0.8811 | 0.9406 | 2e-05 |\n| 2 | 0.20 | 0.2762 | 0.7238 | 0.8619 | 2e-05 |\n| 3 | 0.30 | 0.2270 | 0.7730 | 0.8865 | 2e-05 |\n| 4 | 0.40 | 0.1346 | 0.8654 | 0.9327 | 2e-05 |\n| 5 | 0.50 | 0.2964 | 0.7036 | 0.8518 | 2e-05 |\n| 6 | 0.60 | 0.1792 | 0.8208 | 0.9104 | 2e-05 |\n| 7 | 0.70 | 0.3380 | 0.6620 | 0.8310 | 2e-05 |\n| 8 | 0.80 | 0.3280 | 0.6720 | 0.8360 | 2e-05 |\n| 9 | 0.90 | 0.1874 | 0.8126 | 0.9063 | 2e-05 |\n| 10 | 1.00 | 0.3530 | 0.6470 | 0.8235 | 2e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(3,1,'dashboard:2:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(4,1,'dashboard:2:note_str:0','"**pruned**, value 0.110164  \npruned: 0.1102 at tenth 8 was among the weakest so far\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.1089 | 0.8911 | 0.9456 | 3e-06 |\n| 2 | 0.20 | 0.2132 | 0.7868 | 0.8934 | 3e-06 |\n| 3 | 0.30 | 0.0807 | 0.9193 | 0.9596 | 3e-06 |\n| 4 | 0.40 | 0.0954 | 0.9046 | 0.9523 | 3e-06 |\n| 5 | 0.50 | 0.1220 | 0.8780 | 0.9390 | 3e-06 |\n| 6 | 0.60 | 0.1524 | 0.8476 | 0.9238 | 3e-06 |\n| 7 | 0.70 | 0.1387 | 0.8613 | 0.9306 | 3e-06 |\n| 8 | 0.80 | 0.1102 | 0.8898 | 0.9449 | 3e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(5,1,'dashboard:3:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(6,1,'dashboard:3:note_str:0','"**pruned**, value 0.218762  \npruned: 0.2188 at tenth 8 was among the weakest so far\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.0833 | 0.9167 | 0.9583 | 5.64e-06 |\n| 2 | 0.20 | 0.2475 | 0.7525 | 0.8762 | 5.64e-06 |\n| 3 | 0.30 | 0.2622 | 0.7378 | 0.8689 | 5.64e-06 |\n| 4 | 0.40 | 0.1889 | 0.8111 | 0.9055 | 5.64e-06 |\n| 5 | 0.50 | 0.0919 | 0.9081 | 0.9541 | 5.64e-06 |\n| 6 | 0.60 | 0.1745 | 0.8255 | 0.9128 | 5.64e-06 |\n| 7 | 0.70 | 0.2712 | 0.7288 | 0.8644 | 5.64e-06 |\n| 8 | 0.80 | 0.2188 | 0.7812 | 0.8906 | 5.64e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(7,1,'dashboard:4:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(8,1,'dashboard:4:note_str:0','"**failed**, value 0.0120041  \nValueError: this trial fails in every database of this folder\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.2088 | 0.7912 | 0.8956 | 4.24e-06 |\n| 2 | 0.20 | 0.0120 | 0.9880 | 0.9940 | 4.24e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(9,1,'dashboard:5:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(10,1,'dashboard:5:note_str:0','"**pruned**, no value  \ndiverged: no evaluation was a number; that of tenth 9 is nan\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | nan | 0.7232 | 0.8616 | 7.7e-05 |\n| 2 | 0.20 | nan | 0.7573 | 0.8787 | 7.7e-05 |\n| 3 | 0.30 | nan | 0.5304 | 0.7652 | 7.7e-05 |\n| 4 | 0.40 | nan | 0.6245 | 0.8123 | 7.7e-05 |\n| 5 | 0.50 | nan | 0.5936 | 0.7968 | 7.7e-05 |\n| 6 | 0.60 | nan | 0.4185 | 0.7092 | 7.7e-05 |\n| 7 | 0.70 | nan | 0.2807 | 0.6403 | 7.7e-05 |\n| 8 | 0.80 | nan | 0.2784 | 0.6392 | 7.7e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(11,1,'dashboard:6:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(12,1,'dashboard:6:note_str:0','"**complete**, value 0.440091\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.0317 | 0.9683 | 0.9842 | 3.01e-05 |\n| 2 | 0.20 | 0.1890 | 0.8110 | 0.9055 | 3.01e-05 |\n| 3 | 0.30 | 0.1904 | 0.8096 | 0.9048 | 3.01e-05 |\n| 4 | 0.40 | 0.1647 | 0.8353 | 0.9177 | 3.01e-05 |\n| 5 | 0.50 | 0.2319 | 0.7681 | 0.8841 | 3.01e-05 |\n| 6 | 0.60 | 0.2385 | 0.7615 | 0.8808 | 3.01e-05 |\n| 7 | 0.70 | 0.4135 | 0.5865 | 0.7933 | 3.01e-05 |\n| 8 | 0.80 | 0.4262 | 0.5738 | 0.7869 | 3.01e-05 |\n| 9 | 0.90 | 0.2712 | 0.7288 | 0.8644 | 3.01e-05 |\n| 10 | 1.00 | 0.4401 | 0.5599 | 0.7800 | 3.01e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,1.18868507426232103418e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,2,2.7617930134059864855e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,3,2.27047995957545933887e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,4,1.34636827087961152837e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,1,5,2.96421450818888820855e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,1,6,1.79162639954593028157e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,1,7,3.37983150021173073263e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,1,8,3.28048745603300662132e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,1,9,1.87394197862595340842e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,1,10,0.352974616503343,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,2,1,1.08867903791015963044e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,2,2,2.13232129575446238689e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,2,3,8.07110487016532429649e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,2,4,0.0953730110116191,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,2,5,1.22013955338029153607e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,2,6,1.52386375283572794714e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,2,7,1.38737368761891438628e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,2,8,1.10163820484165050905e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,3,1,8.33385950433165878514e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,3,2,2.47518452736843586059e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,3,3,2.62176285990722790497e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,3,4,1.88907299382269799892e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,3,5,9.18997632172336154088e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,3,6,1.74455005962819459375e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(25,3,7,2.7117641530684821749e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(26,3,8,2.18762452456881167917e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(27,4,1,2.08846860732547878747e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(28,4,2,1.20041335320844166217e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(29,5,1,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(30,5,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(31,5,3,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(32,5,4,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(33,5,5,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(34,5,6,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(35,5,7,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(36,5,8,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(37,6,1,3.16650141134161636213e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(38,6,2,1.89030495551182342595e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(39,6,3,1.90372583254590277412e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(40,6,4,1.64670938259922766677e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(41,6,5,2.31890680727666304017e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(42,6,6,2.38488460312831468401e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(43,6,7,4.13491753293551922432e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(44,6,8,4.2616598910093467234e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(45,6,9,2.71154298598530629771e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(46,6,10,4.40091258251343042662e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(47,7,1,9.54978914799093914211e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(48,8,1,2.73236262388854733718e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(49,9,1,2.13042827732681461228e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(50,7,2,1.08342280608214380777e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(51,8,2,2.31997732208765045092e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(52,9,2,0.241856711047808,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(53,10,1,1.5067533357970464003e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(54,7,3,2.56957478700090113932e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(55,8,3,2.56192161206672319728e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(56,9,3,4.02093903924731099763e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(57,10,2,1.81276750361417465784e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(58,7,4,1.23982732352491367699e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(59,8,4,2.93295227728230745167e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(60,9,4,4.67484201429624712798e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(61,10,3,3.52465779256579958556e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(62,10,4,0.349444020051716,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(63,7,5,2.08386514269709444135e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(64,9,5,5.15492900692891220515e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(65,7,6,1.08092298547040513434e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(66,8,5,3.13255242062040917261e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(67,8,6,4.80203494894885229982e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(68,7,7,1.29177790880709686405e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'learning_rate',2.0e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(3,1,'num_train_epochs',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(4,1,'dropout',0.1,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(5,1,'weight_decay',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(6,1,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(7,1,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(8,1,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(9,1,'warmup_ratio',0.06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(10,2,'learning_rate',3.00280787434614535773e-06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(11,2,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(12,2,'num_train_epochs',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(13,2,'dropout',5.28781314354086467294e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(14,2,'weight_decay',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(15,2,'lr_scheduler_type',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(16,2,'frozen_layers',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(17,2,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(18,2,'warmup_ratio',1.02412220532393904992e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(19,3,'learning_rate',5.64249691218892857752e-06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(20,3,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(21,3,'num_train_epochs',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(22,3,'dropout',1.70592070384792821036e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(23,3,'weight_decay',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(24,3,'lr_scheduler_type',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(25,3,'frozen_layers',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(26,3,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(27,3,'warmup_ratio',9.8061078069156162873e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(28,4,'learning_rate',4.23867487547913708969e-06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(29,4,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(30,4,'num_train_epochs',5.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(31,4,'dropout',5.59857684072073910619e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(32,4,'weight_decay',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(33,4,'lr_scheduler_type',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(34,4,'frozen_layers',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(35,4,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(36,4,'warmup_ratio',1.70325415875249852604e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(37,5,'learning_rate',7.69838655230425781715e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(38,5,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(39,5,'num_train_epochs',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(40,5,'dropout',2.44127123620717229046e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(41,5,'weight_decay',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(42,5,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(43,5,'frozen_layers',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(44,5,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(45,5,'warmup_ratio',7.93476843206534915298e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(46,6,'learning_rate',3.00712821875933714065e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(47,6,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(48,6,'num_train_epochs',6.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(49,6,'dropout',1.07043132030716803271e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(50,6,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(51,6,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(52,6,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(53,6,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(54,6,'warmup_ratio',3.97853332179722088413e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(55,7,'learning_rate',5.04150218171251236591e-06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(56,7,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(57,7,'num_train_epochs',5.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(58,7,'dropout',1.63267297091369945061e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(59,7,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(60,7,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(61,7,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(62,7,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(63,7,'warmup_ratio',1.27276745796943646649e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(64,8,'learning_rate',3.96044845207142289719e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(65,8,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(66,8,'num_train_epochs',5.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(67,8,'dropout',0.101597805708813,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(68,8,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(69,8,'lr_scheduler_type',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(70,8,'frozen_layers',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(71,8,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(72,8,'warmup_ratio',1.28326579912601546062e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(73,9,'learning_rate',6.95158737965926188523e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(74,9,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(75,9,'num_train_epochs',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(76,9,'dropout',1.86085237157955218911e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(77,9,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(78,9,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(79,9,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(80,9,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(81,9,'warmup_ratio',1.63737311158677206757e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(82,10,'learning_rate',6.94211729077441e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(83,10,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(84,10,'num_train_epochs',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(85,10,'dropout',2.64790126821376620158e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(86,10,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(87,10,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(88,10,'frozen_layers',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(89,10,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(90,10,'warmup_ratio',1.80520530448311261606e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"learning_rate": 2e-05, "batch_size": 32, "num_train_epochs": 3, "dropout": 0.1, "weight_decay": 0.01, "lr_scheduler_type": "linear", "frozen_layers": 0.0, "head_learning_rate_factor": 50.0, "warmup_ratio": 0.06}');
INSERT INTO "trial_system_attributes" VALUES(2,5,'constraints:diverged','1.0');
INSERT INTO "trial_system_attributes" VALUES(3,6,'tpe:relative_params:0','"{\"batch_size\": 32, \"dropout\": 0.1070431320307168, \"frozen_layers\": 0.0, \"learning_rate\": 3.007128218759337e-05, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 6, \"warmup_ratio\": 0.03978533321797221, \"weight_decay\": 0.1}"');
INSERT INTO "trial_system_attributes" VALUES(4,7,'tpe:relative_params:0','"{\"batch_size\": 32, \"dropout\": 0.16326729709136995, \"frozen_layers\": 0.0, \"learning_rate\": 5.041502181712512e-06, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 5, \"warmup_ratio\": 0.12727674579694365, \"weight_decay\": 0.1}"');
INSERT INTO "trial_system_attributes" VALUES(5,8,'tpe:relative_params:0','"{\"batch_size\": 32, \"dropout\": 0.101597805708813, \"frozen_layers\": 0.25, \"learning_rate\": 3.960448452071423e-05, \"lr_scheduler_type\": \"constant_with_warmup\", \"num_train_epochs\": 5, \"warmup_ratio\": 0.12832657991260155, \"weight_decay\": 0.1}"');
INSERT INTO "trial_system_attributes" VALUES(6,9,'tpe:relative_params:0','"{\"batch_size\": 16, \"dropout\": 0.18608523715795522, \"frozen_layers\": 0.0, \"learning_rate\": 6.951587379659262e-05, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 1, \"warmup_ratio\": 0.1637373111586772, \"weight_decay\": 0.1}"');
INSERT INTO "trial_system_attributes" VALUES(7,10,'tpe:relative_params:0','"{\"batch_size\": 32, \"dropout\": 0.026479012682137662, \"frozen_layers\": 1.0, \"learning_rate\": 6.94211729077441e-05, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 3, \"warmup_ratio\": 0.18052053044831126, \"weight_decay\": 0.1}"');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(2,1,'evaluation:01','{"step": 1, "value": 0.1188685074262321, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.8811314925737679, "validation_loss": 0.9405657462868839, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'evaluation:02','{"step": 2, "value": 0.27617930134059865, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7238206986594014, "validation_loss": 0.8619103493297007, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'evaluation:03','{"step": 3, "value": 0.22704799595754593, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.772952004042454, "validation_loss": 0.886476002021227, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(5,1,'evaluation:04','{"step": 4, "value": 0.13463682708796115, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8653631729120388, "validation_loss": 0.9326815864560194, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'evaluation:05','{"step": 5, "value": 0.2964214508188888, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.7035785491811112, "validation_loss": 0.8517892745905555, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(7,1,'evaluation:06','{"step": 6, "value": 0.17916263995459303, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.820837360045407, "validation_loss": 0.9104186800227034, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(8,1,'evaluation:07','{"step": 7, "value": 0.3379831500211731, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.6620168499788269, "validation_loss": 0.8310084249894134, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(9,1,'evaluation:08','{"step": 8, "value": 0.32804874560330066, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.6719512543966993, "validation_loss": 0.8359756271983496, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'evaluation:09','{"step": 9, "value": 0.18739419786259534, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.8126058021374046, "validation_loss": 0.9063029010687024, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(11,1,'evaluation:10','{"step": 10, "value": 0.352974616503343, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.6470253834966571, "validation_loss": 0.8235126917483285, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(12,1,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(13,1,'final_value','0.352974616503343');
INSERT INTO "trial_user_attributes" VALUES(14,2,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(15,2,'evaluation:01','{"step": 1, "value": 0.10886790379101596, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.891132096208984, "validation_loss": 0.9455660481044921, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(16,2,'evaluation:02','{"step": 2, "value": 0.21323212957544624, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7867678704245538, "validation_loss": 0.8933839352122769, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(17,2,'evaluation:03','{"step": 3, "value": 0.08071104870165324, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.9192889512983468, "validation_loss": 0.9596444756491733, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(18,2,'evaluation:04','{"step": 4, "value": 0.0953730110116191, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.9046269889883809, "validation_loss": 0.9523134944941904, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(19,2,'evaluation:05','{"step": 5, "value": 0.12201395533802915, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.8779860446619708, "validation_loss": 0.9389930223309855, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(20,2,'evaluation:06','{"step": 6, "value": 0.1523863752835728, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8476136247164272, "validation_loss": 0.9238068123582136, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(21,2,'evaluation:07','{"step": 7, "value": 0.13873736876189144, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.8612626312381085, "validation_loss": 0.9306313156190543, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(22,2,'evaluation:08','{"step": 8, "value": 0.11016382048416505, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.8898361795158349, "validation_loss": 0.9449180897579175, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(23,2,'reason','"pruned: 0.1102 at tenth 8 was among the weakest so far"');
INSERT INTO "trial_user_attributes" VALUES(24,3,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(25,3,'evaluation:01','{"step": 1, "value": 0.08333859504331659, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.9166614049566835, "validation_loss": 0.9583307024783417, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(26,3,'evaluation:02','{"step": 2, "value": 0.24751845273684359, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7524815472631564, "validation_loss": 0.8762407736315783, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(27,3,'evaluation:03','{"step": 3, "value": 0.2621762859907228, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.7378237140092772, "validation_loss": 0.8689118570046386, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(28,3,'evaluation:04','{"step": 4, "value": 0.1889072993822698, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8110927006177302, "validation_loss": 0.9055463503088651, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(29,3,'evaluation:05','{"step": 5, "value": 0.09189976321723362, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.9081002367827664, "validation_loss": 0.9540501183913832, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(30,3,'evaluation:06','{"step": 6, "value": 0.17445500596281946, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8255449940371805, "validation_loss": 0.9127724970185903, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(31,3,'evaluation:07','{"step": 7, "value": 0.2711764153068482, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.7288235846931518, "validation_loss": 0.864411792346576, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(32,3,'evaluation:08','{"step": 8, "value": 0.21876245245688117, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.7812375475431188, "validation_loss": 0.8906187737715594, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(33,3,'reason','"pruned: 0.2188 at tenth 8 was among the weakest so far"');
INSERT INTO "trial_user_attributes" VALUES(34,4,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(35,4,'evaluation:01','{"step": 1, "value": 0.20884686073254788, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7911531392674521, "validation_loss": 0.8955765696337261, "learning_rate": 4.238674875479137e-06}');
INSERT INTO "trial_user_attributes" VALUES(36,4,'evaluation:02','{"step": 2, "value": 0.012004133532084417, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.9879958664679156, "validation_loss": 0.9939979332339578, "learning_rate": 4.238674875479137e-06}');
INSERT INTO "trial_user_attributes" VALUES(37,4,'reason','"ValueError: this trial fails in every database of this folder"');
INSERT INTO "trial_user_attributes" VALUES(38,5,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(39,5,'evaluation:01','{"step": 1, "value": NaN, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7231800325701176, "validation_loss": 0.8615900162850588, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(40,5,'evaluation:02','{"step": 2, "value": NaN, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7573196313501662, "validation_loss": 0.8786598156750831, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(41,5,'evaluation:03','{"step": 3, "value": NaN, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.5303999592495642, "validation_loss": 0.7651999796247821, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(42,5,'evaluation:04','{"step": 4, "value": NaN, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.6245353448403721, "validation_loss": 0.812267672420186, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(43,5,'evaluation:05','{"step": 5, "value": NaN, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.5935924542239753, "validation_loss": 0.7967962271119877, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(44,5,'evaluation:06','{"step": 6, "value": NaN, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.4184507482110573, "validation_loss": 0.7092253741055287, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(45,5,'evaluation:07','{"step": 7, "value": NaN, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.28065860424239464, "validation_loss": 0.6403293021211973, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(46,5,'evaluation:08','{"step": 8, "value": NaN, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.2784192382988896, "validation_loss": 0.6392096191494447, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(47,5,'reason','"diverged: no evaluation was a number; that of tenth 9 is nan"');
INSERT INTO "trial_user_attributes" VALUES(48,6,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(49,6,'evaluation:01','{"step": 1, "value": 0.031665014113416164, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.9683349858865838, "validation_loss": 0.9841674929432919, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(50,6,'evaluation:02','{"step": 2, "value": 0.18903049555118234, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.8109695044488177, "validation_loss": 0.9054847522244088, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(51,6,'evaluation:03','{"step": 3, "value": 0.19037258325459028, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.8096274167454097, "validation_loss": 0.9048137083727048, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(52,6,'evaluation:04','{"step": 4, "value": 0.16467093825992277, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8353290617400773, "validation_loss": 0.9176645308700386, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(53,6,'evaluation:05','{"step": 5, "value": 0.2318906807276663, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.7681093192723337, "validation_loss": 0.8840546596361668, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(54,6,'evaluation:06','{"step": 6, "value": 0.23848846031283147, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.7615115396871686, "validation_loss": 0.8807557698435843, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(55,6,'evaluation:07','{"step": 7, "value": 0.4134917532935519, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.5865082467064481, "validation_loss": 0.793254123353224, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(56,6,'evaluation:08','{"step": 8, "value": 0.4261659891009347, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.5738340108990654, "validation_loss": 0.7869170054495327, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(57,6,'evaluation:09','{"step": 9, "value": 0.27115429859853063, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.7288457014014693, "validation_loss": 0.8644228507007347, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(58,6,'evaluation:10','{"step": 10, "value": 0.44009125825134304, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.559908741748657, "validation_loss": 0.7799543708743285, "learning_rate": 3.007128218759337e-05}');
INSERT INTO "trial_user_attributes" VALUES(59,6,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(60,6,'final_value','0.44009125825134304');
INSERT INTO "trial_user_attributes" VALUES(61,7,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(62,8,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(63,9,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(64,7,'evaluation:01','{"step": 1, "value": 0.09549789147990939, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.9045021085200906, "validation_loss": 0.9522510542600453, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(65,8,'evaluation:01','{"step": 1, "value": 0.27323626238885473, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7267637376111453, "validation_loss": 0.8633818688055727, "learning_rate": 3.960448452071423e-05}');
INSERT INTO "trial_user_attributes" VALUES(66,9,'evaluation:01','{"step": 1, "value": 0.21304282773268146, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7869571722673185, "validation_loss": 0.8934785861336593, "learning_rate": 6.951587379659262e-05}');
INSERT INTO "trial_user_attributes" VALUES(67,10,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(68,7,'evaluation:02','{"step": 2, "value": 0.10834228060821438, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.8916577193917856, "validation_loss": 0.9458288596958928, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(69,8,'evaluation:02','{"step": 2, "value": 0.23199773220876505, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7680022677912349, "validation_loss": 0.8840011338956175, "learning_rate": 3.960448452071423e-05}');
INSERT INTO "trial_user_attributes" VALUES(70,9,'evaluation:02','{"step": 2, "value": 0.241856711047808, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.758143288952192, "validation_loss": 0.879071644476096, "learning_rate": 6.951587379659262e-05}');
INSERT INTO "trial_user_attributes" VALUES(71,10,'evaluation:01','{"step": 1, "value": 0.15067533357970464, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.8493246664202954, "validation_loss": 0.9246623332101477, "learning_rate": 6.94211729077441e-05}');
INSERT INTO "trial_user_attributes" VALUES(72,7,'evaluation:03','{"step": 3, "value": 0.2569574787000901, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.7430425212999099, "validation_loss": 0.8715212606499549, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(73,8,'evaluation:03','{"step": 3, "value": 0.2561921612066723, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.7438078387933277, "validation_loss": 0.8719039193966638, "learning_rate": 3.960448452071423e-05}');
INSERT INTO "trial_user_attributes" VALUES(74,9,'evaluation:03','{"step": 3, "value": 0.4020939039247311, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.5979060960752689, "validation_loss": 0.7989530480376345, "learning_rate": 6.951587379659262e-05}');
INSERT INTO "trial_user_attributes" VALUES(75,10,'evaluation:02','{"step": 2, "value": 0.18127675036141747, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.8187232496385826, "validation_loss": 0.9093616248192913, "learning_rate": 6.94211729077441e-05}');
INSERT INTO "trial_user_attributes" VALUES(76,7,'evaluation:04','{"step": 4, "value": 0.12398273235249137, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8760172676475086, "validation_loss": 0.9380086338237543, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(77,8,'evaluation:04','{"step": 4, "value": 0.29329522772823075, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.7067047722717692, "validation_loss": 0.8533523861358846, "learning_rate": 3.960448452071423e-05}');
INSERT INTO "trial_user_attributes" VALUES(78,9,'evaluation:04','{"step": 4, "value": 0.4674842014296247, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.5325157985703752, "validation_loss": 0.7662578992851876, "learning_rate": 6.951587379659262e-05}');
INSERT INTO "trial_user_attributes" VALUES(79,10,'evaluation:03','{"step": 3, "value": 0.35246577925657996, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.64753422074342, "validation_loss": 0.82376711037171, "learning_rate": 6.94211729077441e-05}');
INSERT INTO "trial_user_attributes" VALUES(80,10,'evaluation:04','{"step": 4, "value": 0.349444020051716, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.6505559799482841, "validation_loss": 0.825277989974142, "learning_rate": 6.94211729077441e-05}');
INSERT INTO "trial_user_attributes" VALUES(81,7,'evaluation:05','{"step": 5, "value": 0.20838651426970944, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.7916134857302906, "validation_loss": 0.8958067428651453, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(82,9,'evaluation:05','{"step": 5, "value": 0.5154929006928912, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.4845070993071088, "validation_loss": 0.7422535496535544, "learning_rate": 6.951587379659262e-05}');
INSERT INTO "trial_user_attributes" VALUES(83,7,'evaluation:06','{"step": 6, "value": 0.10809229854704051, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8919077014529595, "validation_loss": 0.9459538507264798, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(84,8,'evaluation:05','{"step": 5, "value": 0.3132552420620409, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.6867447579379591, "validation_loss": 0.8433723789689795, "learning_rate": 3.960448452071423e-05}');
INSERT INTO "trial_user_attributes" VALUES(85,8,'evaluation:06','{"step": 6, "value": 0.48020349489488523, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.5197965051051148, "validation_loss": 0.7598982525525574, "learning_rate": 3.960448452071423e-05}');
INSERT INTO "trial_user_attributes" VALUES(86,7,'evaluation:07','{"step": 7, "value": 0.1291777908807097, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.8708222091192903, "validation_loss": 0.9354111045596452, "learning_rate": 5.041502181712512e-06}');
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
INSERT INTO "trial_values" VALUES(1,1,0,0.352974616503343,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,1.10163820484165050905e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,2.18762452456881167917e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,6,0,4.40091258251343042662e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 16:52:18.583910','2026-11-29 16:52:19.141807');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED','2026-11-29 16:52:19.284570','2026-11-29 16:52:19.833968');
INSERT INTO "trials" VALUES(3,2,1,'PRUNED','2026-11-29 16:52:19.917616','2026-11-29 16:52:20.430102');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-29 16:52:20.528813','2026-11-29 16:52:20.806991');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-29 16:52:20.928530','2026-11-29 16:52:21.548176');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-29 16:52:21.651211','2026-11-29 16:52:22.118067');
INSERT INTO "trials" VALUES(7,6,1,'RUNNING','2026-11-29 16:52:28.750247',NULL);
INSERT INTO "trials" VALUES(8,7,1,'RUNNING','2026-11-29 16:52:29.005606',NULL);
INSERT INTO "trials" VALUES(9,8,1,'RUNNING','2026-11-29 16:52:29.125331',NULL);
INSERT INTO "trials" VALUES(10,9,1,'RUNNING','2026-11-29 16:52:29.293217',NULL);
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
INSERT INTO "tuner_events" VALUES(1,1,1.79597113850398516655e+09,'claimed',0,NULL,1,'machine-20456-560231ac',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(2,1,1.79597113884001231189e+09,'report',0,0,1,'machine-20456-560231ac',1,1.18868507426232103418e-01,NULL);
INSERT INTO "tuner_events" VALUES(3,1,1.79597113886600279804e+09,'report',0,0,1,'machine-20456-560231ac',2,2.7617930134059864855e-01,NULL);
INSERT INTO "tuner_events" VALUES(4,1,1.79597113890498876571e+09,'report',0,0,1,'machine-20456-560231ac',3,2.27047995957545933887e-01,NULL);
INSERT INTO "tuner_events" VALUES(5,1,1.79597113891299510002e+09,'report',0,0,1,'machine-20456-560231ac',4,1.34636827087961152837e-01,NULL);
INSERT INTO "tuner_events" VALUES(6,1,1.79597113893701434139e+09,'checkpoint',0,0,1,'machine-20456-560231ac',8,NULL,'trial-00000/attempt-1/best-00000008');
INSERT INTO "tuner_events" VALUES(7,1,1.79597113895198106769e+09,'report',0,0,1,'machine-20456-560231ac',5,2.96421450818888820855e-01,NULL);
INSERT INTO "tuner_events" VALUES(8,1,1.7959711389689996243e+09,'report',0,0,1,'machine-20456-560231ac',6,1.79162639954593028157e-01,NULL);
INSERT INTO "tuner_events" VALUES(9,1,1.79597113898899555205e+09,'report',0,0,1,'machine-20456-560231ac',7,3.37983150021173073263e-01,NULL);
INSERT INTO "tuner_events" VALUES(10,1,1.79597113901800370218e+09,'report',0,0,1,'machine-20456-560231ac',8,3.28048745603300662132e-01,NULL);
INSERT INTO "tuner_events" VALUES(11,1,1.79597113902098083496e+09,'checkpoint',0,0,1,'machine-20456-560231ac',20,NULL,'trial-00000/attempt-1/best-00000020');
INSERT INTO "tuner_events" VALUES(12,1,1.79597113903099894522e+09,'report',0,0,1,'machine-20456-560231ac',9,1.87394197862595340842e-01,NULL);
INSERT INTO "tuner_events" VALUES(13,1,1.79597113904298830034e+09,'report',0,0,1,'machine-20456-560231ac',10,0.352974616503343,NULL);
INSERT INTO "tuner_events" VALUES(14,1,1.79597113910301637651e+09,'checkpoint',0,0,1,'machine-20456-560231ac',40,NULL,'trial-00000/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(15,1,1.79597113914799690241e+09,'end',0,0,1,'machine-20456-560231ac',NULL,0.352974616503343,'complete');
INSERT INTO "tuner_events" VALUES(16,1,1.79597113925099372867e+09,'claimed',1,NULL,1,'machine-20456-560231ac',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(17,1,1.79597113949999666218e+09,'report',1,1,1,'machine-20456-560231ac',1,1.08867903791015963044e-01,NULL);
INSERT INTO "tuner_events" VALUES(18,1,1.7959711395380167961e+09,'report',1,1,1,'machine-20456-560231ac',2,2.13232129575446238689e-01,NULL);
INSERT INTO "tuner_events" VALUES(19,1,1.79597113956899642945e+09,'report',1,1,1,'machine-20456-560231ac',3,8.07110487016532429649e-02,NULL);
INSERT INTO "tuner_events" VALUES(20,1,1.79597113960601091381e+09,'report',1,1,1,'machine-20456-560231ac',4,0.0953730110116191,NULL);
INSERT INTO "tuner_events" VALUES(21,1,1.79597113964000797267e+09,'report',1,1,1,'machine-20456-560231ac',5,1.22013955338029153607e-01,NULL);
INSERT INTO "tuner_events" VALUES(22,1,1.79597113968700027464e+09,'report',1,1,1,'machine-20456-560231ac',6,1.52386375283572794714e-01,NULL);
INSERT INTO "tuner_events" VALUES(23,1,1.79597113972498035432e+09,'report',1,1,1,'machine-20456-560231ac',7,1.38737368761891438628e-01,NULL);
INSERT INTO "tuner_events" VALUES(24,1,1.79597113975499415392e+09,'report',1,1,1,'machine-20456-560231ac',8,1.10163820484165050905e-01,NULL);
INSERT INTO "tuner_events" VALUES(25,1,1.79597113983401203158e+09,'end',1,1,1,'machine-20456-560231ac',NULL,1.10163820484165050905e-01,'pruned: pruned: 0.1102 at tenth 8 was among the weakest so far');
INSERT INTO "tuner_events" VALUES(26,1,1.79597113988800501822e+09,'claimed',2,NULL,1,'machine-20456-560231ac',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(27,1,1795971140.07698,'report',2,2,1,'machine-20456-560231ac',1,8.33385950433165878514e-02,NULL);
INSERT INTO "tuner_events" VALUES(28,1,1.79597114018898916252e+09,'report',2,2,1,'machine-20456-560231ac',2,2.47518452736843586059e-01,NULL);
INSERT INTO "tuner_events" VALUES(29,1,1.79597114022499775888e+09,'report',2,2,1,'machine-20456-560231ac',3,2.62176285990722790497e-01,NULL);
INSERT INTO "tuner_events" VALUES(30,1,1.79597114026901268956e+09,'report',2,2,1,'machine-20456-560231ac',4,1.88907299382269799892e-01,NULL);
INSERT INTO "tuner_events" VALUES(31,1,1.79597114030498123163e+09,'report',2,2,1,'machine-20456-560231ac',5,9.18997632172336154088e-02,NULL);
INSERT INTO "tuner_events" VALUES(32,1,1.79597114034098982813e+09,'report',2,2,1,'machine-20456-560231ac',6,1.74455005962819459375e-01,NULL);
INSERT INTO "tuner_events" VALUES(33,1,1.79597114037301540381e+09,'report',2,2,1,'machine-20456-560231ac',7,2.7117641530684821749e-01,NULL);
INSERT INTO "tuner_events" VALUES(34,1,1.79597114040101766586e+09,'report',2,2,1,'machine-20456-560231ac',8,2.18762452456881167917e-01,NULL);
INSERT INTO "tuner_events" VALUES(35,1,1.79597114042998552314e+09,'end',2,2,1,'machine-20456-560231ac',NULL,2.18762452456881167917e-01,'pruned: pruned: 0.2188 at tenth 8 was among the weakest so far');
INSERT INTO "tuner_events" VALUES(36,1,1795971140.50498,'claimed',3,NULL,1,'machine-20456-560231ac',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(37,1,1.79597114070099592207e+09,'report',3,3,1,'machine-20456-560231ac',1,2.08846860732547878747e-01,NULL);
INSERT INTO "tuner_events" VALUES(38,1,1.79597114078198528291e+09,'report',3,3,1,'machine-20456-560231ac',2,1.20041335320844166217e-02,NULL);
INSERT INTO "tuner_events" VALUES(39,1,1.79597114081698799132e+09,'end',3,3,1,'machine-20456-560231ac',NULL,1.20041335320844166217e-02,'failed: ValueError: this trial fails in every database of this folder');
INSERT INTO "tuner_events" VALUES(40,1,1.7959711408999891281e+09,'claimed',4,NULL,1,'machine-20456-560231ac',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(41,1,1.79597114105400133135e+09,'report',4,4,1,'machine-20456-560231ac',1,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(42,1,1.79597114109701061252e+09,'report',4,4,1,'machine-20456-560231ac',2,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(43,1,1795971141.19699,'report',4,4,1,'machine-20456-560231ac',3,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(44,1,1.79597114123698186876e+09,'report',4,4,1,'machine-20456-560231ac',4,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(45,1,1.7959711412970094681e+09,'report',4,4,1,'machine-20456-560231ac',5,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(46,1,1.79597114135301399225e+09,'report',4,4,1,'machine-20456-560231ac',6,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(47,1,1.79597114141698479651e+09,'report',4,4,1,'machine-20456-560231ac',7,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(48,1,1.79597114144901037215e+09,'report',4,4,1,'machine-20456-560231ac',8,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(49,1,1.79597114154798388483e+09,'end',4,4,1,'machine-20456-560231ac',NULL,NULL,'pruned: diverged: no evaluation was a number; that of tenth 9 is nan');
INSERT INTO "tuner_events" VALUES(50,1,1.79597114161899542813e+09,'claimed',5,NULL,1,'machine-20456-560231ac',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(51,1,1.79597114175498342517e+09,'report',5,5,1,'machine-20456-560231ac',1,3.16650141134161636213e-02,NULL);
INSERT INTO "tuner_events" VALUES(52,1,1.795971141781014204e+09,'report',5,5,1,'machine-20456-560231ac',2,1.89030495551182342595e-01,NULL);
INSERT INTO "tuner_events" VALUES(53,1,1.79597114182100582122e+09,'report',5,5,1,'machine-20456-560231ac',3,1.90372583254590277412e-01,NULL);
INSERT INTO "tuner_events" VALUES(54,1,1.79597114184100174901e+09,'report',5,5,1,'machine-20456-560231ac',4,1.64670938259922766677e-01,NULL);
INSERT INTO "tuner_events" VALUES(55,1,1.79597114185798025125e+09,'report',5,5,1,'machine-20456-560231ac',5,2.31890680727666304017e-01,NULL);
INSERT INTO "tuner_events" VALUES(56,1,1.79597114189101171493e+09,'report',5,5,1,'machine-20456-560231ac',6,2.38488460312831468401e-01,NULL);
INSERT INTO "tuner_events" VALUES(57,1,1.79597114196898341182e+09,'report',5,5,1,'machine-20456-560231ac',7,4.13491753293551922432e-01,NULL);
INSERT INTO "tuner_events" VALUES(58,1,1.79597114200201487545e+09,'report',5,5,1,'machine-20456-560231ac',8,4.2616598910093467234e-01,NULL);
INSERT INTO "tuner_events" VALUES(59,1,1.79597114202498793597e+09,'report',5,5,1,'machine-20456-560231ac',9,2.71154298598530629771e-01,NULL);
INSERT INTO "tuner_events" VALUES(60,1,1.79597114204100084299e+09,'report',5,5,1,'machine-20456-560231ac',10,4.40091258251343042662e-01,NULL);
INSERT INTO "tuner_events" VALUES(61,1,1.79597114209700536727e+09,'checkpoint',5,5,1,'machine-20456-560231ac',40,NULL,'trial-00005/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(62,1,1.7959711421180069447e+09,'end',5,5,1,'machine-20456-560231ac',NULL,4.40091258251343042662e-01,'complete');
INSERT INTO "tuner_events" VALUES(63,1,1.79597114866401863096e+09,'claimed',6,NULL,1,'machine-20713-e62eb0ce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(64,1,1.79597114898101544375e+09,'claimed',7,NULL,1,'machine-20713-e62eb0ce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(65,1,1.79597114910400819775e+09,'claimed',8,NULL,1,'machine-20713-e62eb0ce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(66,1,1.79597114924800252909e+09,'claimed',9,NULL,1,'machine-20713-e62eb0ce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(67,1,1.79597114938700795172e+09,'report',6,6,1,'machine-20713-e62eb0ce',1,9.54978914799093914211e-02,NULL);
INSERT INTO "tuner_events" VALUES(68,1,1.79597114939698576921e+09,'report',7,7,1,'machine-20713-e62eb0ce',1,2.73236262388854733718e-01,NULL);
INSERT INTO "tuner_events" VALUES(69,1,1.79597114940800952915e+09,'report',8,8,1,'machine-20713-e62eb0ce',1,2.13042827732681461228e-01,NULL);
INSERT INTO "tuner_events" VALUES(70,1,1.79597114944699549673e+09,'report',6,6,1,'machine-20713-e62eb0ce',2,1.08342280608214380777e-01,NULL);
INSERT INTO "tuner_events" VALUES(71,1,1.79597114948099255554e+09,'report',7,7,1,'machine-20713-e62eb0ce',2,2.31997732208765045092e-01,NULL);
INSERT INTO "tuner_events" VALUES(72,1,1.79597114951301813122e+09,'report',8,8,1,'machine-20713-e62eb0ce',2,0.241856711047808,NULL);
INSERT INTO "tuner_events" VALUES(73,1,1795971149.55301,'report',9,9,1,'machine-20713-e62eb0ce',1,1.5067533357970464003e-01,NULL);
INSERT INTO "tuner_events" VALUES(74,1,1.79597114960201382637e+09,'report',6,6,1,'machine-20713-e62eb0ce',3,2.56957478700090113932e-01,NULL);
INSERT INTO "tuner_events" VALUES(75,1,1.79597114965600681297e+09,'report',7,7,1,'machine-20713-e62eb0ce',3,2.56192161206672319728e-01,NULL);
INSERT INTO "tuner_events" VALUES(76,1,1.79597114969201540951e+09,'report',8,8,1,'machine-20713-e62eb0ce',3,4.02093903924731099763e-01,NULL);
INSERT INTO "tuner_events" VALUES(77,1,1.7959711497279837131e+09,'report',9,9,1,'machine-20713-e62eb0ce',2,1.81276750361417465784e-01,NULL);
INSERT INTO "tuner_events" VALUES(78,1,1.79597114978101110461e+09,'report',6,6,1,'machine-20713-e62eb0ce',4,1.23982732352491367699e-01,NULL);
INSERT INTO "tuner_events" VALUES(79,1,1.79597114981899118419e+09,'report',7,7,1,'machine-20713-e62eb0ce',4,2.93295227728230745167e-01,NULL);
INSERT INTO "tuner_events" VALUES(80,1,1.7959711498549997806e+09,'report',8,8,1,'machine-20713-e62eb0ce',4,4.67484201429624712798e-01,NULL);
INSERT INTO "tuner_events" VALUES(81,1,1.79597114989700317377e+09,'report',9,9,1,'machine-20713-e62eb0ce',3,3.52465779256579958556e-01,NULL);
INSERT INTO "tuner_events" VALUES(82,1,1.7959711499890162945e+09,'report',9,9,1,'machine-20713-e62eb0ce',4,0.349444020051716,NULL);
INSERT INTO "tuner_events" VALUES(83,1,1.79597115005101561546e+09,'checkpoint',8,8,1,'machine-20713-e62eb0ce',16,NULL,'trial-00008/attempt-1/best-00000016');
INSERT INTO "tuner_events" VALUES(84,1,1.79597115012798166271e+09,'checkpoint',7,7,1,'machine-20713-e62eb0ce',16,NULL,'trial-00007/attempt-1/best-00000016');
INSERT INTO "tuner_events" VALUES(85,1,1.79597115016298437125e+09,'checkpoint',6,6,1,'machine-20713-e62eb0ce',12,NULL,'trial-00006/attempt-1/best-00000012');
INSERT INTO "tuner_events" VALUES(86,1,1.79597115018100881578e+09,'report',6,6,1,'machine-20713-e62eb0ce',5,2.08386514269709444135e-01,NULL);
INSERT INTO "tuner_events" VALUES(87,1,1.79597115027998232845e+09,'report',8,8,1,'machine-20713-e62eb0ce',5,5.15492900692891220515e-01,NULL);
INSERT INTO "tuner_events" VALUES(88,1,1.79597115037698459622e+09,'checkpoint',9,9,1,'machine-20713-e62eb0ce',12,NULL,'trial-00009/attempt-1/best-00000012');
INSERT INTO "tuner_events" VALUES(89,1,1.79597115041701650616e+09,'checkpoint',6,6,1,'machine-20713-e62eb0ce',23,NULL,'trial-00006/attempt-1/step-00000023');
INSERT INTO "tuner_events" VALUES(90,1,1.79597115044799590113e+09,'checkpoint',7,7,1,'machine-20713-e62eb0ce',17,NULL,'trial-00007/attempt-1/step-00000017');
INSERT INTO "tuner_events" VALUES(91,1,1795971150.46598,'checkpoint',8,8,1,'machine-20713-e62eb0ce',20,NULL,'trial-00008/attempt-1/best-00000020');
INSERT INTO "tuner_events" VALUES(92,1,1.79597115052898526196e+09,'checkpoint',9,9,1,'machine-20713-e62eb0ce',19,NULL,'trial-00009/attempt-1/step-00000019');
INSERT INTO "tuner_events" VALUES(93,1,1.79597115063298797604e+09,'checkpoint',8,8,1,'machine-20713-e62eb0ce',21,NULL,'trial-00008/attempt-1/step-00000021');
INSERT INTO "tuner_events" VALUES(94,1,1.79597115194100737569e+09,'paused',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(95,1,1.79597115278598356245e+09,'released',6,6,1,'machine-20713-e62eb0ce',NULL,NULL,'paused; `tuner resume interrupted` goes on');
INSERT INTO "tuner_events" VALUES(96,1,1.79597115282199239726e+09,'released',7,7,1,'machine-20713-e62eb0ce',NULL,NULL,'paused; `tuner resume interrupted` goes on');
INSERT INTO "tuner_events" VALUES(97,1,1.79597115284898877149e+09,'released',8,8,1,'machine-20713-e62eb0ce',NULL,NULL,'paused; `tuner resume interrupted` goes on');
INSERT INTO "tuner_events" VALUES(98,1,1.79597115286198401448e+09,'released',9,9,1,'machine-20713-e62eb0ce',NULL,NULL,'paused; `tuner resume interrupted` goes on');
INSERT INTO "tuner_events" VALUES(99,1,1.79597115644900941853e+09,'resumed',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(100,1,1.79597115754898333547e+09,'claimed',6,6,2,'machine-21145-cf4cc18b',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(101,1,1.79597115767499351498e+09,'claimed',7,7,2,'machine-21145-cf4cc18b',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(102,1,1.79597115786099147801e+09,'report',6,6,2,'machine-21145-cf4cc18b',6,1.08092298547040513434e-01,NULL);
INSERT INTO "tuner_events" VALUES(103,1,1.79597115795401048661e+09,'report',7,7,2,'machine-21145-cf4cc18b',5,3.13255242062040917261e-01,NULL);
INSERT INTO "tuner_events" VALUES(104,1,1.79597115803001070024e+09,'report',7,7,2,'machine-21145-cf4cc18b',6,4.80203494894885229982e-01,NULL);
INSERT INTO "tuner_events" VALUES(105,1,1.79597115811200594903e+09,'checkpoint',6,6,2,'machine-21145-cf4cc18b',27,NULL,'trial-00006/attempt-2/step-00000027');
INSERT INTO "tuner_events" VALUES(106,1,1.79597115816201567651e+09,'released',6,6,2,'machine-21145-cf4cc18b',NULL,NULL,'stopped by SIGINT');
INSERT INTO "tuner_events" VALUES(107,1,1.79597115819500684737e+09,'checkpoint',7,7,2,'machine-21145-cf4cc18b',24,NULL,'trial-00007/attempt-2/best-00000024');
INSERT INTO "tuner_events" VALUES(108,1,1.79597115825700616833e+09,'checkpoint',7,7,2,'machine-21145-cf4cc18b',26,NULL,'trial-00007/attempt-2/step-00000026');
INSERT INTO "tuner_events" VALUES(109,1,1.79597115831301069261e+09,'released',7,7,2,'machine-21145-cf4cc18b',NULL,NULL,'stopped by SIGINT');
INSERT INTO "tuner_events" VALUES(110,1,1.79597116433200836181e+09,'claimed',6,6,3,'machine-21280-878acdcf',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(111,1,1.79597116459798955912e+09,'report',6,6,3,'machine-21280-878acdcf',7,1.29177790880709686405e-01,NULL);
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
INSERT INTO "tuner_slots" VALUES(1,0,'finished',1,0,NULL,1,NULL,0,1,0.666985034942627,NULL,'{"resume": [], "best": {"key": "trial-00000/attempt-1/best-00000040", "sha256": "5c97e8e365d66ce3ae605e4a281db99b781ea48cc0134702e0e84d4673788a11", "bytes": 373, "step": 40, "value": 0.352974616503343, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,1,'finished',2,1,NULL,1,NULL,0,0,0.59102463722229,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,2,'finished',3,2,NULL,1,NULL,0,0,5.5899906158447265625e-01,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,3,'finished',4,3,NULL,1,NULL,0,0,3.13979387283325195312e-01,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,4,'finished',5,4,NULL,1,NULL,0,0,6.49000644683837890625e-01,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,5,'finished',6,5,NULL,1,NULL,0,1,5.15990018844604492187e-01,NULL,'{"resume": [], "best": {"key": "trial-00005/attempt-1/best-00000040", "sha256": "78d483a8de239222f351ad297f131a92f923db86f677143a00ddd6845945d780", "bytes": 375, "step": 40, "value": 0.44009125825134304, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,6,'running',7,6,'machine-21280-878acdcf',3,1.7959711665069823265e+09,0,1,4.9219608306884765625e+00,1.79597116450698232647e+09,'{"resume": [{"key": "trial-00006/attempt-2/step-00000027", "sha256": "764a5c2ca811fbb44c50c5ef237561b2d39bda29554ae04a3f28fde19d9b9e2c", "bytes": 374, "step": 27, "value": null, "tenth": null}, {"key": "trial-00006/attempt-1/step-00000023", "sha256": "05ce803499553d07495ed97217c8e40cc494c907c524d1de1f758e6eecb69584", "bytes": 374, "step": 23, "value": null, "tenth": null}], "best": {"key": "trial-00006/attempt-1/best-00000012", "sha256": "19cb0cf20714d24155fa49f5e5790cadc05dde70fc5e0210bb7262387eebde10", "bytes": 374, "step": 12, "value": 0.2569574787000901, "tenth": 3}}','stopped by SIGINT');
INSERT INTO "tuner_slots" VALUES(1,7,'interrupted',8,7,NULL,2,NULL,0,1,4.49601268768310546875e+00,NULL,'{"resume": [{"key": "trial-00007/attempt-2/step-00000026", "sha256": "b6fc3f3172dfead5ea9c3dd9b418a99237dce0e7db8407deb9de22a00977ddd1", "bytes": 375, "step": 26, "value": null, "tenth": null}, {"key": "trial-00007/attempt-1/step-00000017", "sha256": "36754d9910fa4a36cc8333966dee8bfc88661b963e5f74b8239400ae825c72d7", "bytes": 375, "step": 17, "value": null, "tenth": null}], "best": {"key": "trial-00007/attempt-2/best-00000024", "sha256": "1603f7c9eb820656babd41cf09368e2957b1f012917c9ca69e2d7597ac0e01d1", "bytes": 375, "step": 24, "value": 0.48020349489488523, "tenth": 6}}','stopped by SIGINT');
INSERT INTO "tuner_slots" VALUES(1,8,'paused',9,8,NULL,1,NULL,0,1,3.75600457191467285156e+00,NULL,'{"resume": [{"key": "trial-00008/attempt-1/step-00000021", "sha256": "9227972283c69c11e706e9ffdd8992464faf8b870693c97d47ec955645bf2047", "bytes": 374, "step": 21, "value": null, "tenth": null}], "best": {"key": "trial-00008/attempt-1/best-00000020", "sha256": "d16c355408ee218a8d12f060fdb32f0a770571f4a3d327b5282cf8de7aa86567", "bytes": 374, "step": 20, "value": 0.5154929006928912, "tenth": 5}}','paused; `tuner resume interrupted` goes on');
INSERT INTO "tuner_slots" VALUES(1,9,'paused',10,9,NULL,1,NULL,0,1,3.61398148536682128906e+00,NULL,'{"resume": [{"key": "trial-00009/attempt-1/step-00000019", "sha256": "7c109270c43fe0d6020bf514f2a5e9323c23878e3f55a25fad7a98ff82aebd72", "bytes": 375, "step": 19, "value": null, "tenth": null}], "best": {"key": "trial-00009/attempt-1/best-00000012", "sha256": "1b8665ffb3907bfde48085a5f9dc569bb325b68a3dcc9c34fb1561bc9654e7cd", "bytes": 375, "step": 12, "value": 0.35246577925657996, "tenth": 3}}','paused; `tuner resume interrupted` goes on');
INSERT INTO "tuner_slots" VALUES(1,10,'empty',NULL,NULL,NULL,0,NULL,0,0,0.0,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,11,'empty',NULL,NULL,NULL,0,NULL,0,0,0.0,NULL,NULL,NULL);
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
INSERT INTO "tuner_studies" VALUES(1,'interrupted','{"name": "interrupted", "task": "text-classification", "train": "fixture_training:train", "model": null, "revision": null, "trust_remote_code": false, "data": null, "metric": {"name": "score", "direction": "maximize"}, "search_space": null, "lr_scheduler_kwargs": {}, "sampler": {"name": "tpe", "n_startup_trials": null, "allow_pickle": false}, "pruner": {"name": "percentile", "percentile": 50.0, "n_startup_trials": 1, "n_warmup_steps": 8, "n_min_trials": 1, "min_resource": 2, "reduction_factor": 3}, "checkpoints": null, "budget": {"trials": 12, "time": null, "device_hours": null, "trial_time": null}, "max_length": 128, "precision": "auto", "early_stopping": {"patience": 3}, "evaluations": "auto", "checkpoint_every": 60.0, "speed": {"trunk_cache": true, "one_token": true, "length_grouping": true}, "keep": 1, "max_restarts": 5, "max_failed": 5, "seed": 11}','{"family": "generic", "recipe": {"learning_rate": 2e-05, "batch_size": 32, "num_train_epochs": 3, "dropout": 0.1, "weight_decay": 0.01, "lr_scheduler_type": "linear", "warmup_ratio": 0.06, "frozen_layers": 0.0, "head_learning_rate_factor": 50}, "space": {"learning_rate": {"type": "float", "low": 2.5e-06, "high": 0.00016, "log": true}, "batch_size": {"type": "categorical", "choices": [8, 16, 32, 64]}, "num_train_epochs": {"type": "int", "low": 1, "high": 6}, "dropout": {"type": "float", "low": 0.0, "high": 0.3}, "weight_decay": {"type": "categorical", "choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}, "lr_scheduler_type": {"type": "categorical", "choices": ["linear", "cosine", "constant_with_warmup"]}, "frozen_layers": {"type": "categorical", "choices": [0.0, 0.25, 0.5, 0.75, 1.0]}, "head_learning_rate_factor": {"type": "categorical", "choices": [50.0]}, "warmup_ratio": {"type": "float", "low": 0.0, "high": 0.2, "when": {"lr_scheduler_type": ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay"]}}}, "file_budget": {"trials": 12, "time": null, "device_hours": null, "trial_time": null}, "folder": "/srv/study"}','open',7.30903339385986328125e+00,1.79597116452601242072e+09,1.79597113824016833306e+09);
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
INSERT INTO "tuner_workers" VALUES('machine-21280-878acdcf',0,1,'machine',21280,'cpu',6,1.79597116451100564005e+09,1.79597116651100563999e+09);
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
