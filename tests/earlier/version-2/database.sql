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
INSERT INTO "studies" VALUES(1,'version-2');
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
INSERT INTO "study_system_attributes" VALUES(10,1,'dashboard:5:note_str:0','"**pruned**, value nan  \npruned: nan at tenth 8 was among the weakest so far\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | nan | 0.7232 | 0.8616 | 7.7e-05 |\n| 2 | 0.20 | nan | 0.7573 | 0.8787 | 7.7e-05 |\n| 3 | 0.30 | nan | 0.5304 | 0.7652 | 7.7e-05 |\n| 4 | 0.40 | nan | 0.6245 | 0.8123 | 7.7e-05 |\n| 5 | 0.50 | nan | 0.5936 | 0.7968 | 7.7e-05 |\n| 6 | 0.60 | nan | 0.4185 | 0.7092 | 7.7e-05 |\n| 7 | 0.70 | nan | 0.2807 | 0.6403 | 7.7e-05 |\n| 8 | 0.80 | nan | 0.2784 | 0.6392 | 7.7e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
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
INSERT INTO "trial_intermediate_values" VALUES(48,7,2,1.08342280608214380777e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(49,7,3,2.56957478700090113932e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(50,7,4,1.23982732352491367699e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(51,7,5,2.08386514269709444135e-01,'FINITE');
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
INSERT INTO "trial_user_attributes" VALUES(47,5,'reason','"pruned: nan at tenth 8 was among the weakest so far"');
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
INSERT INTO "trial_user_attributes" VALUES(62,7,'evaluation:01','{"step": 1, "value": 0.09549789147990939, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.9045021085200906, "validation_loss": 0.9522510542600453, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(63,7,'evaluation:02','{"step": 2, "value": 0.10834228060821438, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.8916577193917856, "validation_loss": 0.9458288596958928, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(64,7,'evaluation:03','{"step": 3, "value": 0.2569574787000901, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.7430425212999099, "validation_loss": 0.8715212606499549, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(65,7,'evaluation:04','{"step": 4, "value": 0.12398273235249137, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8760172676475086, "validation_loss": 0.9380086338237543, "learning_rate": 5.041502181712512e-06}');
INSERT INTO "trial_user_attributes" VALUES(66,7,'evaluation:05','{"step": 5, "value": 0.20838651426970944, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.7916134857302906, "validation_loss": 0.8958067428651453, "learning_rate": 5.041502181712512e-06}');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 16:53:26.439374','2026-11-29 16:53:27.466832');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED','2026-11-29 16:53:27.595435','2026-11-29 16:53:28.237817');
INSERT INTO "trials" VALUES(3,2,1,'PRUNED','2026-11-29 16:53:28.393949','2026-11-29 16:53:29.086156');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-29 16:53:29.285939','2026-11-29 16:53:29.658727');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-29 16:53:29.768295','2026-11-29 16:53:31.006450');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-29 16:53:31.107343','2026-11-29 16:53:32.039219');
INSERT INTO "trials" VALUES(7,6,1,'RUNNING','2026-11-29 16:53:32.164150',NULL);
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
INSERT INTO "tuner_events" VALUES(1,1,1.79597120633898234363e+09,'claimed',0,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(2,1,1.79597120682600450516e+09,'report',0,0,1,'machine-22076-7fd50f76',1,1.18868507426232103418e-01,NULL);
INSERT INTO "tuner_events" VALUES(3,1,1.79597120689898729324e+09,'report',0,0,1,'machine-22076-7fd50f76',2,2.7617930134059864855e-01,NULL);
INSERT INTO "tuner_events" VALUES(4,1,1795971206.94602,'report',0,0,1,'machine-22076-7fd50f76',3,2.27047995957545933887e-01,NULL);
INSERT INTO "tuner_events" VALUES(5,1,1.79597120698500585557e+09,'report',0,0,1,'machine-22076-7fd50f76',4,1.34636827087961152837e-01,NULL);
INSERT INTO "tuner_events" VALUES(6,1,1795971207.02198,'report',0,0,1,'machine-22076-7fd50f76',5,2.96421450818888820855e-01,NULL);
INSERT INTO "tuner_events" VALUES(7,1,1.79597120706100606916e+09,'report',0,0,1,'machine-22076-7fd50f76',6,1.79162639954593028157e-01,NULL);
INSERT INTO "tuner_events" VALUES(8,1,1.79597120708100199703e+09,'report',0,0,1,'machine-22076-7fd50f76',7,3.37983150021173073263e-01,NULL);
INSERT INTO "tuner_events" VALUES(9,1,1.79597120710598683358e+09,'report',0,0,1,'machine-22076-7fd50f76',8,3.28048745603300662132e-01,NULL);
INSERT INTO "tuner_events" VALUES(10,1,1.79597120712598276137e+09,'report',0,0,1,'machine-22076-7fd50f76',9,1.87394197862595340842e-01,NULL);
INSERT INTO "tuner_events" VALUES(11,1,1.79597120716098546978e+09,'report',0,0,1,'machine-22076-7fd50f76',10,0.352974616503343,NULL);
INSERT INTO "tuner_events" VALUES(12,1,1795971207.21699,'checkpoint',0,0,1,'machine-22076-7fd50f76',4,NULL,'trial-00000/attempt-1/best-00000004');
INSERT INTO "tuner_events" VALUES(13,1,1.79597120725999927519e+09,'checkpoint',0,0,1,'machine-22076-7fd50f76',40,NULL,'trial-00000/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(14,1,1.79597120747399926184e+09,'end',0,0,1,'machine-22076-7fd50f76',NULL,0.352974616503343,'complete');
INSERT INTO "tuner_events" VALUES(15,1,1.79597120753398680685e+09,'claimed',1,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(16,1,1.79597120771298408509e+09,'report',1,1,1,'machine-22076-7fd50f76',1,1.08867903791015963044e-01,NULL);
INSERT INTO "tuner_events" VALUES(17,1,1.79597120776500558851e+09,'report',1,1,1,'machine-22076-7fd50f76',2,2.13232129575446238689e-01,NULL);
INSERT INTO "tuner_events" VALUES(18,1,1.79597120781698679921e+09,'report',1,1,1,'machine-22076-7fd50f76',3,8.07110487016532429649e-02,NULL);
INSERT INTO "tuner_events" VALUES(19,1,1795971207.82101,'checkpoint',1,1,1,'machine-22076-7fd50f76',4,NULL,'trial-00001/attempt-1/best-00000004');
INSERT INTO "tuner_events" VALUES(20,1,1.79597120785701870916e+09,'report',1,1,1,'machine-22076-7fd50f76',4,0.0953730110116191,NULL);
INSERT INTO "tuner_events" VALUES(21,1,1.7959712078989818096e+09,'report',1,1,1,'machine-22076-7fd50f76',5,1.22013955338029153607e-01,NULL);
INSERT INTO "tuner_events" VALUES(22,1,1.79597120795699810979e+09,'report',1,1,1,'machine-22076-7fd50f76',6,1.52386375283572794714e-01,NULL);
INSERT INTO "tuner_events" VALUES(23,1,1.79597120797598814962e+09,'checkpoint',1,1,1,'machine-22076-7fd50f76',8,NULL,'trial-00001/attempt-1/best-00000008');
INSERT INTO "tuner_events" VALUES(24,1,1.79597120802499198911e+09,'report',1,1,1,'machine-22076-7fd50f76',7,1.38737368761891438628e-01,NULL);
INSERT INTO "tuner_events" VALUES(25,1,1.79597120806498384473e+09,'report',1,1,1,'machine-22076-7fd50f76',8,1.10163820484165050905e-01,NULL);
INSERT INTO "tuner_events" VALUES(26,1,1.7959712082389922142e+09,'end',1,1,1,'machine-22076-7fd50f76',NULL,1.10163820484165050905e-01,'pruned: pruned: 0.1102 at tenth 8 was among the weakest so far');
INSERT INTO "tuner_events" VALUES(27,1,1.79597120832698202135e+09,'claimed',2,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(28,1,1.79597120872098493576e+09,'report',2,2,1,'machine-22076-7fd50f76',1,8.33385950433165878514e-02,NULL);
INSERT INTO "tuner_events" VALUES(29,1,1.7959712087600111962e+09,'report',2,2,1,'machine-22076-7fd50f76',2,2.47518452736843586059e-01,NULL);
INSERT INTO "tuner_events" VALUES(30,1,1.7959712088160157203e+09,'report',2,2,1,'machine-22076-7fd50f76',3,2.62176285990722790497e-01,NULL);
INSERT INTO "tuner_events" VALUES(31,1,1.79597120887898063657e+09,'report',2,2,1,'machine-22076-7fd50f76',4,1.88907299382269799892e-01,NULL);
INSERT INTO "tuner_events" VALUES(32,1,1.79597120889201617233e+09,'checkpoint',2,2,1,'machine-22076-7fd50f76',12,NULL,'trial-00002/attempt-1/best-00000012');
INSERT INTO "tuner_events" VALUES(33,1,1.79597120892999625204e+09,'report',2,2,1,'machine-22076-7fd50f76',5,9.18997632172336154088e-02,NULL);
INSERT INTO "tuner_events" VALUES(34,1,1.79597120895699262615e+09,'report',2,2,1,'machine-22076-7fd50f76',6,1.74455005962819459375e-01,NULL);
INSERT INTO "tuner_events" VALUES(35,1,1.79597120900100755695e+09,'report',2,2,1,'machine-22076-7fd50f76',7,2.7117641530684821749e-01,NULL);
INSERT INTO "tuner_events" VALUES(36,1,1.79597120902498674395e+09,'checkpoint',2,2,1,'machine-22076-7fd50f76',24,NULL,'trial-00002/attempt-1/step-00000024');
INSERT INTO "tuner_events" VALUES(37,1,1.79597120904401683812e+09,'report',2,2,1,'machine-22076-7fd50f76',8,2.18762452456881167917e-01,NULL);
INSERT INTO "tuner_events" VALUES(38,1,1.79597120908698582647e+09,'end',2,2,1,'machine-22076-7fd50f76',NULL,2.18762452456881167917e-01,'pruned: pruned: 0.2188 at tenth 8 was among the weakest so far');
INSERT INTO "tuner_events" VALUES(39,1,1.79597120925701117513e+09,'claimed',3,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(40,1,1.79597120941701841358e+09,'report',3,3,1,'machine-22076-7fd50f76',1,2.08846860732547878747e-01,NULL);
INSERT INTO "tuner_events" VALUES(41,1,1.79597120947901749609e+09,'report',3,3,1,'machine-22076-7fd50f76',2,1.20041335320844166217e-02,NULL);
INSERT INTO "tuner_events" VALUES(42,1,1.79597120967998218534e+09,'end',3,3,1,'machine-22076-7fd50f76',NULL,1.20041335320844166217e-02,'failed: ValueError: this trial fails in every database of this folder');
INSERT INTO "tuner_events" VALUES(43,1,1.79597120972299122815e+09,'claimed',4,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(44,1,1.79597121041600704194e+09,'report',4,4,1,'machine-22076-7fd50f76',1,NULL,NULL);
INSERT INTO "tuner_events" VALUES(45,1,1.79597121048798418051e+09,'report',4,4,1,'machine-22076-7fd50f76',2,NULL,NULL);
INSERT INTO "tuner_events" VALUES(46,1,1.79597121054499435418e+09,'report',4,4,1,'machine-22076-7fd50f76',3,NULL,NULL);
INSERT INTO "tuner_events" VALUES(47,1,1.79597121061298847202e+09,'report',4,4,1,'machine-22076-7fd50f76',4,NULL,NULL);
INSERT INTO "tuner_events" VALUES(48,1,1.79597121065201473233e+09,'report',4,4,1,'machine-22076-7fd50f76',5,NULL,NULL);
INSERT INTO "tuner_events" VALUES(49,1,1.79597121070898485184e+09,'report',4,4,1,'machine-22076-7fd50f76',6,NULL,NULL);
INSERT INTO "tuner_events" VALUES(50,1,1.79597121075199389452e+09,'report',4,4,1,'machine-22076-7fd50f76',7,NULL,NULL);
INSERT INTO "tuner_events" VALUES(51,1,1.79597121081298732761e+09,'report',4,4,1,'machine-22076-7fd50f76',8,NULL,NULL);
INSERT INTO "tuner_events" VALUES(52,1,1.79597121088999366759e+09,'checkpoint',4,4,1,'machine-22076-7fd50f76',12,NULL,'trial-00004/attempt-1/step-00000012');
INSERT INTO "tuner_events" VALUES(53,1,1.79597121100699162483e+09,'end',4,4,1,'machine-22076-7fd50f76',NULL,NULL,'pruned: pruned: nan at tenth 8 was among the weakest so far');
INSERT INTO "tuner_events" VALUES(54,1,1.79597121108198618886e+09,'claimed',5,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(55,1,1.79597121139701151847e+09,'report',5,5,1,'machine-22076-7fd50f76',1,3.16650141134161636213e-02,NULL);
INSERT INTO "tuner_events" VALUES(56,1,1.79597121144899272916e+09,'report',5,5,1,'machine-22076-7fd50f76',2,1.89030495551182342595e-01,NULL);
INSERT INTO "tuner_events" VALUES(57,1,1.79597121150101423259e+09,'report',5,5,1,'machine-22076-7fd50f76',3,1.90372583254590277412e-01,NULL);
INSERT INTO "tuner_events" VALUES(58,1,1.79597121157299137112e+09,'report',5,5,1,'machine-22076-7fd50f76',4,1.64670938259922766677e-01,NULL);
INSERT INTO "tuner_events" VALUES(59,1,1.79597121159998774526e+09,'report',5,5,1,'machine-22076-7fd50f76',5,2.31890680727666304017e-01,NULL);
INSERT INTO "tuner_events" VALUES(60,1,1.79597121161201739312e+09,'checkpoint',5,5,1,'machine-22076-7fd50f76',12,NULL,'trial-00005/attempt-1/best-00000012');
INSERT INTO "tuner_events" VALUES(61,1,1795971211.62799,'report',5,5,1,'machine-22076-7fd50f76',6,2.38488460312831468401e-01,NULL);
INSERT INTO "tuner_events" VALUES(62,1,1.79597121166098117831e+09,'report',5,5,1,'machine-22076-7fd50f76',7,4.13491753293551922432e-01,NULL);
INSERT INTO "tuner_events" VALUES(63,1,1.79597121169598388673e+09,'report',5,5,1,'machine-22076-7fd50f76',8,4.2616598910093467234e-01,NULL);
INSERT INTO "tuner_events" VALUES(64,1,1.79597121181298208236e+09,'report',5,5,1,'machine-22076-7fd50f76',9,2.71154298598530629771e-01,NULL);
INSERT INTO "tuner_events" VALUES(65,1,1.79597121185900878903e+09,'report',5,5,1,'machine-22076-7fd50f76',10,4.40091258251343042662e-01,NULL);
INSERT INTO "tuner_events" VALUES(66,1,1.79597121188298749919e+09,'checkpoint',5,5,1,'machine-22076-7fd50f76',24,NULL,'trial-00005/attempt-1/best-00000024');
INSERT INTO "tuner_events" VALUES(67,1,1.79597121195299339298e+09,'checkpoint',5,5,1,'machine-22076-7fd50f76',40,NULL,'trial-00005/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(68,1,1.79597121205301284794e+09,'end',5,5,1,'machine-22076-7fd50f76',NULL,4.40091258251343042662e-01,'complete');
INSERT INTO "tuner_events" VALUES(69,1,1.79597121211899518966e+09,'claimed',6,NULL,1,'machine-22076-7fd50f76',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(70,1,1.79597121268998384472e+09,'report',6,6,1,'machine-22076-7fd50f76',1,9.54978914799093914211e-02,NULL);
INSERT INTO "tuner_events" VALUES(71,1,1.79597121276099538802e+09,'report',6,6,1,'machine-22076-7fd50f76',2,1.08342280608214380777e-01,NULL);
INSERT INTO "tuner_events" VALUES(72,1,1.79597121279599809644e+09,'report',6,6,1,'machine-22076-7fd50f76',3,2.56957478700090113932e-01,NULL);
INSERT INTO "tuner_events" VALUES(73,1,1.7959712128110051155e+09,'report',6,6,1,'machine-22076-7fd50f76',4,1.23982732352491367699e-01,NULL);
INSERT INTO "tuner_events" VALUES(74,1,1.79597121281398248667e+09,'checkpoint',6,6,1,'machine-22076-7fd50f76',8,NULL,'trial-00006/attempt-1/best-00000008');
INSERT INTO "tuner_events" VALUES(75,1,1.79597121286399221415e+09,'report',6,6,1,'machine-22076-7fd50f76',5,2.08386514269709444135e-01,NULL);
INSERT INTO "tuner_events" VALUES(76,1,1.79597121291299605368e+09,'checkpoint',6,6,1,'machine-22076-7fd50f76',12,NULL,'trial-00006/attempt-1/best-00000012');
INSERT INTO "tuner_events" VALUES(77,1,1.79597121304500102994e+09,'checkpoint',6,6,1,'machine-22076-7fd50f76',23,NULL,'trial-00006/attempt-1/step-00000023');
INSERT INTO "tuner_events" VALUES(78,1,1.79597121317398834231e+09,'released',6,6,1,'machine-22076-7fd50f76',NULL,NULL,'stopped by SIGINT');
CREATE TABLE tuner_schema (
	id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	optuna INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tuner_schema" VALUES(1,2,5);
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
INSERT INTO "tuner_slots" VALUES(1,0,'finished',1,0,NULL,1,NULL,0,1,1.14398884773254394531e+00,NULL,'{"resume": [], "best": {"key": "trial-00000/attempt-1/best-00000040", "sha256": "3aabb8c99c51a4387d960213368494addfac56b17700200604ff31f39beebfe9", "bytes": 373, "step": 40, "value": 0.352974616503343, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,1,'finished',2,1,NULL,1,NULL,0,1,0.705005407333374,NULL,'{"resume": [], "best": {"key": "trial-00001/attempt-1/best-00000008", "sha256": "edaf61425d3da26c0c58f9c2d24184312e56306e51f6d9705e2edd7ce0d6b52d", "bytes": 374, "step": 8, "value": 0.21323212957544624, "tenth": 2}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,2,'finished',3,2,NULL,1,NULL,0,1,7.60969400405883789062e-01,NULL,'{"resume": [{"key": "trial-00002/attempt-1/step-00000024", "sha256": "eb9546d30b112b711d5d24f0c1da201817b809ebc11b50ed9cb4fcc867fb32ed", "bytes": 374, "step": 24, "value": null, "tenth": null}], "best": {"key": "trial-00002/attempt-1/best-00000012", "sha256": "202119986ceec42e706d2745d844c54c0529ddc06d6665f4af98bf64f1be8cc7", "bytes": 374, "step": 12, "value": 0.2621762859907228, "tenth": 3}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,3,'finished',4,3,NULL,1,NULL,0,0,4.23011302947998046875e-01,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,4,'finished',5,4,NULL,1,NULL,0,1,1.28500628471374511718e+00,NULL,'{"resume": [{"key": "trial-00004/attempt-1/step-00000012", "sha256": "f8a01be71c7a1b52a96dfd86bbf36881ff1d1f84d23007d6f2327cb967599738", "bytes": 360, "step": 12, "value": null, "tenth": null}], "best": null}',NULL);
INSERT INTO "tuner_slots" VALUES(1,5,'finished',6,5,NULL,1,NULL,0,1,9.71026659011840820312e-01,NULL,'{"resume": [], "best": {"key": "trial-00005/attempt-1/best-00000040", "sha256": "911ba6709e0011b6f82ab3f8ce794b7902b2a280a3819ca1457ecf320019ae49", "bytes": 375, "step": 40, "value": 0.44009125825134304, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,6,'interrupted',7,6,NULL,1,NULL,0,1,1.03302597999572753906e+00,NULL,'{"resume": [{"key": "trial-00006/attempt-1/step-00000023", "sha256": "462c7d2c74e6c501723b849dde5ca85bbfa65f34315e2f4f542f3362cbc77aea", "bytes": 374, "step": 23, "value": null, "tenth": null}], "best": {"key": "trial-00006/attempt-1/best-00000012", "sha256": "23a925e544ea16d846ab177f9f20f8db03eab49b080f975554dcebb77d1d24a1", "bytes": 374, "step": 12, "value": 0.2569574787000901, "tenth": 3}}','stopped by SIGINT');
INSERT INTO "tuner_slots" VALUES(1,7,'empty',NULL,NULL,NULL,0,NULL,0,0,0.0,NULL,NULL,NULL);
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
INSERT INTO "tuner_studies" VALUES(1,'version-2','{"name": "version-2", "task": "text-classification", "train": "fixture_training:train", "model": null, "revision": null, "trust_remote_code": false, "data": null, "metric": {"name": "score", "direction": "maximize"}, "search_space": null, "lr_scheduler_kwargs": {}, "sampler": {"name": "tpe", "n_startup_trials": null, "allow_pickle": false}, "pruner": {"name": "percentile", "percentile": 50.0, "n_startup_trials": 1, "n_warmup_steps": 8, "n_min_trials": 1, "min_resource": 2, "reduction_factor": 3}, "checkpoints": null, "budget": {"trials": 8, "time": null, "device_hours": null, "trial_time": null}, "max_length": 128, "precision": "auto", "early_stopping": {"patience": 3}, "evaluations": "auto", "checkpoint_every": 60.0, "keep": 1, "max_restarts": 5, "max_failed": 5, "seed": 11}','{"family": "generic", "recipe": {"learning_rate": 2e-05, "batch_size": 32, "num_train_epochs": 3, "dropout": 0.1, "weight_decay": 0.01, "lr_scheduler_type": "linear", "warmup_ratio": 0.06, "frozen_layers": 0.0, "head_learning_rate_factor": 50}, "space": {"learning_rate": {"type": "float", "low": 2.5e-06, "high": 0.00016, "log": true}, "batch_size": {"type": "categorical", "choices": [8, 16, 32, 64]}, "num_train_epochs": {"type": "int", "low": 1, "high": 6}, "dropout": {"type": "float", "low": 0.0, "high": 0.3}, "weight_decay": {"type": "categorical", "choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}, "lr_scheduler_type": {"type": "categorical", "choices": ["linear", "cosine", "constant_with_warmup"]}, "frozen_layers": {"type": "categorical", "choices": [0.0, 0.25, 0.5, 0.75, 1.0]}, "head_learning_rate_factor": {"type": "categorical", "choices": [50.0]}, "warmup_ratio": {"type": "float", "low": 0.0, "high": 0.2, "when": {"lr_scheduler_type": ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay"]}}}, "file_budget": {"trials": 8, "time": null, "device_hours": null, "trial_time": null}, "folder": "/srv/study"}','open',4.08997988700866699218e+00,NULL,1.79597120612411093715e+09);
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
