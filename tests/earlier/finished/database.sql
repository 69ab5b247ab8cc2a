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
INSERT INTO "studies" VALUES(1,'finished');
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
INSERT INTO "study_system_attributes" VALUES(4,1,'dashboard:2:note_str:0','"**complete**, value 0.213232\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.1089 | 0.8911 | 0.9456 | 3e-06 |\n| 2 | 0.20 | 0.2132 | 0.7868 | 0.8934 | 3e-06 |\n| 3 | 0.30 | 0.0807 | 0.9193 | 0.9596 | 3e-06 |\n| 4 | 0.40 | 0.0954 | 0.9046 | 0.9523 | 3e-06 |\n| 5 | 0.50 | 0.1220 | 0.8780 | 0.9390 | 3e-06 |\n| 6 | 0.60 | 0.1524 | 0.8476 | 0.9238 | 3e-06 |\n| 7 | 0.70 | 0.1387 | 0.8613 | 0.9306 | 3e-06 |\n| 8 | 0.80 | 0.1102 | 0.8898 | 0.9449 | 3e-06 |\n| 9 | 0.90 | 0.1627 | 0.8373 | 0.9187 | 3e-06 |\n| 10 | 1.00 | 0.1136 | 0.8864 | 0.9432 | 3e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(5,1,'dashboard:4:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(6,1,'dashboard:4:note_str:0','"**failed**, value 0.0120041  \nValueError: this trial fails in every database of this folder\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.2088 | 0.7912 | 0.8956 | 4.24e-06 |\n| 2 | 0.20 | 0.0120 | 0.9880 | 0.9940 | 4.24e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(7,1,'dashboard:3:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(8,1,'dashboard:3:note_str:0','"**complete**, value 0.277067\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.0833 | 0.9167 | 0.9583 | 5.64e-06 |\n| 2 | 0.20 | 0.2475 | 0.7525 | 0.8762 | 5.64e-06 |\n| 3 | 0.30 | 0.2622 | 0.7378 | 0.8689 | 5.64e-06 |\n| 4 | 0.40 | 0.1889 | 0.8111 | 0.9055 | 5.64e-06 |\n| 5 | 0.50 | 0.0919 | 0.9081 | 0.9541 | 5.64e-06 |\n| 6 | 0.60 | 0.1745 | 0.8255 | 0.9128 | 5.64e-06 |\n| 7 | 0.70 | 0.2712 | 0.7288 | 0.8644 | 5.64e-06 |\n| 8 | 0.80 | 0.2188 | 0.7812 | 0.8906 | 5.64e-06 |\n| 9 | 0.90 | 0.2770 | 0.7230 | 0.8615 | 5.64e-06 |\n| 10 | 1.00 | 0.2771 | 0.7229 | 0.8615 | 5.64e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(9,1,'dashboard:5:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(10,1,'dashboard:5:note_str:0','"**pruned**, no value  \ndiverged: no evaluation was a number; that of tenth 9 is nan\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | nan | 0.7232 | 0.8616 | 7.7e-05 |\n| 2 | 0.20 | nan | 0.7573 | 0.8787 | 7.7e-05 |\n| 3 | 0.30 | nan | 0.5304 | 0.7652 | 7.7e-05 |\n| 4 | 0.40 | nan | 0.6245 | 0.8123 | 7.7e-05 |\n| 5 | 0.50 | nan | 0.5936 | 0.7968 | 7.7e-05 |\n| 6 | 0.60 | nan | 0.4185 | 0.7092 | 7.7e-05 |\n| 7 | 0.70 | nan | 0.2807 | 0.6403 | 7.7e-05 |\n| 8 | 0.80 | nan | 0.2784 | 0.6392 | 7.7e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(11,1,'dashboard:6:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(12,1,'dashboard:6:note_str:0','"**complete**, value 0.25411\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.2356 | 0.7644 | 0.8822 | 6.14e-06 |\n| 2 | 0.20 | 0.0719 | 0.9281 | 0.9640 | 6.14e-06 |\n| 3 | 0.30 | 0.0580 | 0.9420 | 0.9710 | 6.14e-06 |\n| 4 | 0.40 | 0.2264 | 0.7736 | 0.8868 | 6.14e-06 |\n| 5 | 0.50 | 0.1764 | 0.8236 | 0.9118 | 6.14e-06 |\n| 6 | 0.60 | 0.1287 | 0.8713 | 0.9357 | 6.14e-06 |\n| 7 | 0.70 | 0.2016 | 0.7984 | 0.8992 | 6.14e-06 |\n| 8 | 0.80 | 0.2541 | 0.7459 | 0.8729 | 6.14e-06 |\n| 9 | 0.90 | 0.2230 | 0.7770 | 0.8885 | 6.14e-06 |\n| 10 | 1.00 | 0.1410 | 0.8590 | 0.9295 | 6.14e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(13,1,'dashboard:7:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(14,1,'dashboard:7:note_str:0','"**pruned**, value 0.213418  \npruned: 0.2134 at tenth 8 was among the weakest so far\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.2058 | 0.7942 | 0.8971 | 6.14e-06 |\n| 2 | 0.20 | 0.0960 | 0.9040 | 0.9520 | 6.14e-06 |\n| 3 | 0.30 | 0.0929 | 0.9071 | 0.9536 | 6.14e-06 |\n| 4 | 0.40 | 0.1665 | 0.8335 | 0.9167 | 6.14e-06 |\n| 5 | 0.50 | 0.2262 | 0.7738 | 0.8869 | 6.14e-06 |\n| 6 | 0.60 | 0.1946 | 0.8054 | 0.9027 | 6.14e-06 |\n| 7 | 0.70 | 0.1755 | 0.8245 | 0.9122 | 6.14e-06 |\n| 8 | 0.80 | 0.2134 | 0.7866 | 0.8933 | 6.14e-06 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(15,1,'dashboard:8:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(16,1,'dashboard:8:note_str:0','"**complete**, value 0.663612\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.0735 | 0.9265 | 0.9632 | 6.04e-05 |\n| 2 | 0.20 | 0.3310 | 0.6690 | 0.8345 | 6.04e-05 |\n| 3 | 0.30 | 0.3298 | 0.6702 | 0.8351 | 6.04e-05 |\n| 4 | 0.40 | 0.4049 | 0.5951 | 0.7976 | 6.04e-05 |\n| 5 | 0.50 | 0.3446 | 0.6554 | 0.8277 | 6.04e-05 |\n| 6 | 0.60 | 0.4602 | 0.5398 | 0.7699 | 6.04e-05 |\n| 7 | 0.70 | 0.4639 | 0.5361 | 0.7681 | 6.04e-05 |\n| 8 | 0.80 | 0.5287 | 0.4713 | 0.7357 | 6.04e-05 |\n| 9 | 0.90 | 0.6636 | 0.3364 | 0.6682 | 6.04e-05 |\n| 10 | 1.00 | 0.6609 | 0.3391 | 0.6696 | 6.04e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(17,1,'dashboard:9:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(18,1,'dashboard:9:note_str:0','"**complete**, value 0.935097\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.1550 | 0.8450 | 0.9225 | 7.58e-05 |\n| 2 | 0.20 | 0.1587 | 0.8413 | 0.9207 | 7.58e-05 |\n| 3 | 0.30 | 0.4055 | 0.5945 | 0.7973 | 7.58e-05 |\n| 4 | 0.40 | 0.4533 | 0.5467 | 0.7734 | 7.58e-05 |\n| 5 | 0.50 | 0.4854 | 0.5146 | 0.7573 | 7.58e-05 |\n| 6 | 0.60 | 0.6889 | 0.3111 | 0.6556 | 7.58e-05 |\n| 7 | 0.70 | 0.6590 | 0.3410 | 0.6705 | 7.58e-05 |\n| 8 | 0.80 | 0.7142 | 0.2858 | 0.6429 | 7.58e-05 |\n| 9 | 0.90 | 0.7085 | 0.2915 | 0.6458 | 7.58e-05 |\n| 10 | 1.00 | 0.9351 | 0.0649 | 0.5325 | 7.58e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
INSERT INTO "study_system_attributes" VALUES(19,1,'dashboard:10:note_ver','1');
INSERT INTO "study_system_attributes" VALUES(20,1,'dashboard:10:note_str:0','"**complete**, value 0.936075\n\n### Learning curve\n\n| tenth | epoch | value | training loss | validation loss | learning rate |\n|--|--|--|--|--|--|\n| 1 | 0.10 | 0.2807 | 0.7193 | 0.8597 | 7.68e-05 |\n| 2 | 0.20 | 0.3152 | 0.6848 | 0.8424 | 7.68e-05 |\n| 3 | 0.30 | 0.2616 | 0.7384 | 0.8692 | 7.68e-05 |\n| 4 | 0.40 | 0.3246 | 0.6754 | 0.8377 | 7.68e-05 |\n| 5 | 0.50 | 0.3902 | 0.6098 | 0.8049 | 7.68e-05 |\n| 6 | 0.60 | 0.4661 | 0.5339 | 0.7669 | 7.68e-05 |\n| 7 | 0.70 | 0.7261 | 0.2739 | 0.6370 | 7.68e-05 |\n| 8 | 0.80 | 0.7459 | 0.2541 | 0.6270 | 7.68e-05 |\n| 9 | 0.90 | 0.8177 | 0.1823 | 0.5912 | 7.68e-05 |\n| 10 | 1.00 | 0.9361 | 0.0639 | 0.5320 | 7.68e-05 |\n\n### Effective configuration\n\n- `device`: cpu\n- `threads`: 1\n- `trainable_parameters`: 64\n"');
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
INSERT INTO "trial_intermediate_values" VALUES(3,2,1,1.08867903791015963044e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,3,2.27047995957545933887e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,2,2.13232129575446238689e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,1,4,1.34636827087961152837e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,3,8.07110487016532429649e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,1,5,2.96421450818888820855e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,1,6,1.79162639954593028157e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,2,4,0.0953730110116191,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,1,7,3.37983150021173073263e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,1,8,3.28048745603300662132e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,2,5,1.22013955338029153607e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,1,9,1.87394197862595340842e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,2,6,1.52386375283572794714e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,1,10,0.352974616503343,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,2,7,1.38737368761891438628e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,2,8,1.10163820484165050905e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,2,9,1.62693606351593439418e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,2,10,1.13600030346978381201e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,3,1,8.33385950433165878514e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,3,2,2.47518452736843586059e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,3,3,2.62176285990722790497e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,3,4,1.88907299382269799892e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(25,3,5,9.18997632172336154088e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(26,3,6,1.74455005962819459375e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(27,3,7,2.7117641530684821749e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(28,3,8,2.18762452456881167917e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(29,3,9,2.77048332698338617419e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(30,4,1,2.08846860732547878747e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(31,3,10,2.77066970373579357644e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(32,4,2,1.20041335320844166217e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(33,5,1,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(34,5,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(35,5,3,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(36,6,1,2.35602325425090547428e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(37,5,4,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(38,6,2,7.19083597940920193902e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(39,5,5,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(40,6,3,5.80455668822256257155e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(41,5,6,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(42,6,4,2.2642075736058248081e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(43,5,7,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(44,6,5,1.76394988273169434078e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(45,5,8,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(46,6,6,1.28658254892537238234e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(47,6,7,2.01580838052600797016e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(48,6,8,2.54110428969959278866e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(49,6,9,2.2300755623979942599e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(50,6,10,1.41004500415439826266e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(51,7,1,2.05798934958138973749e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(52,7,2,9.60266080553820594589e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(53,7,3,9.28761234019217507551e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(54,7,4,1.66531794887816581018e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(55,7,5,2.26224068432159308716e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(56,7,6,1.9460111429938775629e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(57,7,7,1.75507306965968196132e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(58,7,8,2.13418453192502355353e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(59,8,1,7.35342160214864232203e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(60,8,2,3.30978734511548355889e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(61,8,3,3.29828104609123040624e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(62,8,4,4.04892235073990580662e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(63,8,5,3.44599732429817562362e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(64,8,6,4.60206287376512868103e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(65,8,7,4.6387223070370586786e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(66,8,8,5.28697165100431853979e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(67,8,9,6.63612098268594352568e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(68,8,10,6.60875526488021503013e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(69,9,1,1.55047113624463661629e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(70,9,2,1.5866943185975190822e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(71,9,3,4.05461737960298107541e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(72,9,4,0.45325250299067,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(73,9,5,4.85430533655764773204e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(74,9,6,6.88860263591074439837e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(75,9,7,6.59006392698239462646e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(76,9,8,7.14200071839182548671e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(77,9,9,7.08466578264815405319e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(78,9,10,0.935097173103754,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(79,10,1,2.80670781182175810286e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(80,10,2,3.15212784623828345953e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(81,10,3,2.61594385574723475862e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(82,10,4,3.24596052402832735417e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(83,10,5,3.90193137014537561046e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(84,10,6,4.66142582467594879247e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(85,10,7,7.26079838895592910574e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(86,10,8,7.45948876885636158462e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(87,10,9,0.817652488379263,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(88,10,10,9.36075352237599855875e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(46,6,'learning_rate',6.14043140372104293217e-06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(47,6,'batch_size',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(48,6,'num_train_epochs',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(49,6,'dropout',1.26741894791160325528e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(50,6,'weight_decay',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(51,6,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(52,6,'frozen_layers',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(53,6,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(54,6,'warmup_ratio',2.35374890983952381184e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(55,7,'learning_rate',6.13568623010955163698e-06,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(56,7,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(57,7,'num_train_epochs',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(58,7,'dropout',1.30185376588423745713e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(59,7,'weight_decay',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(60,7,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(61,7,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(62,7,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(63,7,'warmup_ratio',5.02957194457688827604e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(64,8,'learning_rate',6.04170112519719233745e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(65,8,'batch_size',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(66,8,'num_train_epochs',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(67,8,'dropout',1.74053207600750547978e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(68,8,'weight_decay',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(69,8,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(70,8,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(71,8,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(72,8,'warmup_ratio',1.12589864991856969389e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(73,9,'learning_rate',7.5833150734255891541e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(74,9,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(75,9,'num_train_epochs',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(76,9,'dropout',2.0246241457555996801e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(77,9,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(78,9,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(79,9,'frozen_layers',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(80,9,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(81,9,'warmup_ratio',1.69996420270046855183e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
INSERT INTO "trial_params" VALUES(82,10,'learning_rate',7.67714971141464109236e-05,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 2.5e-06, "high": 0.00016, "log": true}}');
INSERT INTO "trial_params" VALUES(83,10,'batch_size',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32, 64]}}');
INSERT INTO "trial_params" VALUES(84,10,'num_train_epochs',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 6}}');
INSERT INTO "trial_params" VALUES(85,10,'dropout',0.035674697596217,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO "trial_params" VALUES(86,10,'weight_decay',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}}');
INSERT INTO "trial_params" VALUES(87,10,'lr_scheduler_type',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["linear", "cosine", "constant_with_warmup"]}}');
INSERT INTO "trial_params" VALUES(88,10,'frozen_layers',4.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [0.0, 0.25, 0.5, 0.75, 1.0]}}');
INSERT INTO "trial_params" VALUES(89,10,'head_learning_rate_factor',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [50.0]}}');
INSERT INTO "trial_params" VALUES(90,10,'warmup_ratio',1.87426640472743516463e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.2, "log": false}}');
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
INSERT INTO "trial_system_attributes" VALUES(3,7,'tpe:relative_params:0','"{\"batch_size\": 32, \"dropout\": 0.13018537658842375, \"frozen_layers\": 0.0, \"learning_rate\": 6.135686230109552e-06, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 3, \"warmup_ratio\": 0.05029571944576888, \"weight_decay\": 0.01}"');
INSERT INTO "trial_system_attributes" VALUES(4,8,'tpe:relative_params:0','"{\"batch_size\": 32, \"dropout\": 0.17405320760075055, \"frozen_layers\": 0.0, \"learning_rate\": 6.041701125197192e-05, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 3, \"warmup_ratio\": 0.11258986499185697, \"weight_decay\": 0.01}"');
INSERT INTO "trial_system_attributes" VALUES(5,9,'tpe:relative_params:0','"{\"batch_size\": 16, \"dropout\": 0.20246241457555997, \"frozen_layers\": 0.0, \"learning_rate\": 7.583315073425589e-05, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 1, \"warmup_ratio\": 0.16999642027004686, \"weight_decay\": 0.1}"');
INSERT INTO "trial_system_attributes" VALUES(6,10,'tpe:relative_params:0','"{\"batch_size\": 16, \"dropout\": 0.035674697596217, \"frozen_layers\": 1.0, \"learning_rate\": 7.677149711414641e-05, \"lr_scheduler_type\": \"linear\", \"num_train_epochs\": 3, \"warmup_ratio\": 0.18742664047274352, \"weight_decay\": 0.1}"');
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
INSERT INTO "trial_user_attributes" VALUES(3,2,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(4,1,'evaluation:02','{"step": 2, "value": 0.27617930134059865, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7238206986594014, "validation_loss": 0.8619103493297007, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(5,2,'evaluation:01','{"step": 1, "value": 0.10886790379101596, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.891132096208984, "validation_loss": 0.9455660481044921, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(6,1,'evaluation:03','{"step": 3, "value": 0.22704799595754593, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.772952004042454, "validation_loss": 0.886476002021227, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(7,2,'evaluation:02','{"step": 2, "value": 0.21323212957544624, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7867678704245538, "validation_loss": 0.8933839352122769, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(8,1,'evaluation:04','{"step": 4, "value": 0.13463682708796115, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8653631729120388, "validation_loss": 0.9326815864560194, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(9,2,'evaluation:03','{"step": 3, "value": 0.08071104870165324, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.9192889512983468, "validation_loss": 0.9596444756491733, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'evaluation:05','{"step": 5, "value": 0.2964214508188888, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.7035785491811112, "validation_loss": 0.8517892745905555, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(11,1,'evaluation:06','{"step": 6, "value": 0.17916263995459303, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.820837360045407, "validation_loss": 0.9104186800227034, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(12,2,'evaluation:04','{"step": 4, "value": 0.0953730110116191, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.9046269889883809, "validation_loss": 0.9523134944941904, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(13,1,'evaluation:07','{"step": 7, "value": 0.3379831500211731, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.6620168499788269, "validation_loss": 0.8310084249894134, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(14,1,'evaluation:08','{"step": 8, "value": 0.32804874560330066, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.6719512543966993, "validation_loss": 0.8359756271983496, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(15,2,'evaluation:05','{"step": 5, "value": 0.12201395533802915, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.8779860446619708, "validation_loss": 0.9389930223309855, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(16,1,'evaluation:09','{"step": 9, "value": 0.18739419786259534, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.8126058021374046, "validation_loss": 0.9063029010687024, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(17,2,'evaluation:06','{"step": 6, "value": 0.1523863752835728, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8476136247164272, "validation_loss": 0.9238068123582136, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(18,1,'evaluation:10','{"step": 10, "value": 0.352974616503343, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.6470253834966571, "validation_loss": 0.8235126917483285, "learning_rate": 2e-05}');
INSERT INTO "trial_user_attributes" VALUES(19,2,'evaluation:07','{"step": 7, "value": 0.13873736876189144, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.8612626312381085, "validation_loss": 0.9306313156190543, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(20,2,'evaluation:08','{"step": 8, "value": 0.11016382048416505, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.8898361795158349, "validation_loss": 0.9449180897579175, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(21,2,'evaluation:09','{"step": 9, "value": 0.16269360635159344, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.8373063936484065, "validation_loss": 0.9186531968242033, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(22,1,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(23,1,'final_value','0.352974616503343');
INSERT INTO "trial_user_attributes" VALUES(24,2,'evaluation:10','{"step": 10, "value": 0.11360003034697838, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.8863999696530216, "validation_loss": 0.9431999848265108, "learning_rate": 3.0028078743461454e-06}');
INSERT INTO "trial_user_attributes" VALUES(25,3,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(26,3,'evaluation:01','{"step": 1, "value": 0.08333859504331659, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.9166614049566835, "validation_loss": 0.9583307024783417, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(27,3,'evaluation:02','{"step": 2, "value": 0.24751845273684359, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7524815472631564, "validation_loss": 0.8762407736315783, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(28,3,'evaluation:03','{"step": 3, "value": 0.2621762859907228, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.7378237140092772, "validation_loss": 0.8689118570046386, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(29,3,'evaluation:04','{"step": 4, "value": 0.1889072993822698, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8110927006177302, "validation_loss": 0.9055463503088651, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(30,3,'evaluation:05','{"step": 5, "value": 0.09189976321723362, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.9081002367827664, "validation_loss": 0.9540501183913832, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(31,2,'best_step','2');
INSERT INTO "trial_user_attributes" VALUES(32,2,'final_value','0.11360003034697838');
INSERT INTO "trial_user_attributes" VALUES(33,3,'evaluation:06','{"step": 6, "value": 0.17445500596281946, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8255449940371805, "validation_loss": 0.9127724970185903, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(34,3,'evaluation:07','{"step": 7, "value": 0.2711764153068482, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.7288235846931518, "validation_loss": 0.864411792346576, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(35,3,'evaluation:08','{"step": 8, "value": 0.21876245245688117, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.7812375475431188, "validation_loss": 0.8906187737715594, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(36,4,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(37,3,'evaluation:09','{"step": 9, "value": 0.2770483326983386, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.7229516673016614, "validation_loss": 0.8614758336508307, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(38,4,'evaluation:01','{"step": 1, "value": 0.20884686073254788, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7911531392674521, "validation_loss": 0.8955765696337261, "learning_rate": 4.238674875479137e-06}');
INSERT INTO "trial_user_attributes" VALUES(39,3,'evaluation:10','{"step": 10, "value": 0.27706697037357936, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.7229330296264207, "validation_loss": 0.8614665148132103, "learning_rate": 5.642496912188929e-06}');
INSERT INTO "trial_user_attributes" VALUES(40,4,'evaluation:02','{"step": 2, "value": 0.012004133532084417, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.9879958664679156, "validation_loss": 0.9939979332339578, "learning_rate": 4.238674875479137e-06}');
INSERT INTO "trial_user_attributes" VALUES(41,4,'reason','"ValueError: this trial fails in every database of this folder"');
INSERT INTO "trial_user_attributes" VALUES(42,3,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(43,3,'final_value','0.27706697037357936');
INSERT INTO "trial_user_attributes" VALUES(44,5,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(45,5,'evaluation:01','{"step": 1, "value": NaN, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7231800325701176, "validation_loss": 0.8615900162850588, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(46,5,'evaluation:02','{"step": 2, "value": NaN, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.7573196313501662, "validation_loss": 0.8786598156750831, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(47,6,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(48,5,'evaluation:03','{"step": 3, "value": NaN, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.5303999592495642, "validation_loss": 0.7651999796247821, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(49,6,'evaluation:01','{"step": 1, "value": 0.23560232542509055, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7643976745749095, "validation_loss": 0.8821988372874547, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(50,5,'evaluation:04','{"step": 4, "value": NaN, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.6245353448403721, "validation_loss": 0.812267672420186, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(51,6,'evaluation:02','{"step": 2, "value": 0.07190835979409202, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.928091640205908, "validation_loss": 0.964045820102954, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(52,5,'evaluation:05','{"step": 5, "value": NaN, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.5935924542239753, "validation_loss": 0.7967962271119877, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(53,6,'evaluation:03','{"step": 3, "value": 0.058045566882225626, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.9419544331177744, "validation_loss": 0.9709772165588871, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(54,5,'evaluation:06','{"step": 6, "value": NaN, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.4184507482110573, "validation_loss": 0.7092253741055287, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(55,6,'evaluation:04','{"step": 4, "value": 0.22642075736058248, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.7735792426394175, "validation_loss": 0.8867896213197087, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(56,5,'evaluation:07','{"step": 7, "value": NaN, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.28065860424239464, "validation_loss": 0.6403293021211973, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(57,6,'evaluation:05','{"step": 5, "value": 0.17639498827316943, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.8236050117268305, "validation_loss": 0.9118025058634153, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(58,5,'evaluation:08','{"step": 8, "value": NaN, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.2784192382988896, "validation_loss": 0.6392096191494447, "learning_rate": 7.698386552304258e-05}');
INSERT INTO "trial_user_attributes" VALUES(59,6,'evaluation:06','{"step": 6, "value": 0.12865825489253724, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8713417451074628, "validation_loss": 0.9356708725537314, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(60,6,'evaluation:07','{"step": 7, "value": 0.2015808380526008, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.7984191619473993, "validation_loss": 0.8992095809736996, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(61,6,'evaluation:08','{"step": 8, "value": 0.2541104289699593, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.7458895710300407, "validation_loss": 0.8729447855150203, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(62,5,'reason','"diverged: no evaluation was a number; that of tenth 9 is nan"');
INSERT INTO "trial_user_attributes" VALUES(63,6,'evaluation:09','{"step": 9, "value": 0.22300755623979943, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.7769924437602006, "validation_loss": 0.8884962218801002, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(64,6,'evaluation:10','{"step": 10, "value": 0.14100450041543983, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.8589954995845601, "validation_loss": 0.9294977497922801, "learning_rate": 6.140431403721043e-06}');
INSERT INTO "trial_user_attributes" VALUES(65,6,'best_step','8');
INSERT INTO "trial_user_attributes" VALUES(66,6,'final_value','0.14100450041543983');
INSERT INTO "trial_user_attributes" VALUES(67,7,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(68,7,'evaluation:01','{"step": 1, "value": 0.20579893495813897, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.794201065041861, "validation_loss": 0.8971005325209305, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(69,7,'evaluation:02','{"step": 2, "value": 0.09602660805538206, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.9039733919446179, "validation_loss": 0.951986695972309, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(70,7,'evaluation:03','{"step": 3, "value": 0.09287612340192175, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.9071238765980782, "validation_loss": 0.9535619382990391, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(71,7,'evaluation:04','{"step": 4, "value": 0.16653179488781658, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.8334682051121834, "validation_loss": 0.9167341025560917, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(72,7,'evaluation:05','{"step": 5, "value": 0.2262240684321593, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.7737759315678407, "validation_loss": 0.8868879657839204, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(73,7,'evaluation:06','{"step": 6, "value": 0.19460111429938776, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.8053988857006122, "validation_loss": 0.9026994428503061, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(74,7,'evaluation:07','{"step": 7, "value": 0.1755073069659682, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.8244926930340318, "validation_loss": 0.9122463465170159, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(75,7,'evaluation:08','{"step": 8, "value": 0.21341845319250236, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.7865815468074977, "validation_loss": 0.8932907734037489, "learning_rate": 6.135686230109552e-06}');
INSERT INTO "trial_user_attributes" VALUES(76,7,'reason','"pruned: 0.2134 at tenth 8 was among the weakest so far"');
INSERT INTO "trial_user_attributes" VALUES(77,8,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(78,8,'evaluation:01','{"step": 1, "value": 0.07353421602148642, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.9264657839785135, "validation_loss": 0.9632328919892568, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(79,8,'evaluation:02','{"step": 2, "value": 0.33097873451154836, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.6690212654884516, "validation_loss": 0.8345106327442258, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(80,8,'evaluation:03','{"step": 3, "value": 0.32982810460912304, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.670171895390877, "validation_loss": 0.8350859476954384, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(81,8,'evaluation:04','{"step": 4, "value": 0.4048922350739906, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.5951077649260095, "validation_loss": 0.7975538824630047, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(82,8,'evaluation:05','{"step": 5, "value": 0.34459973242981756, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.6554002675701824, "validation_loss": 0.8277001337850912, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(83,8,'evaluation:06','{"step": 6, "value": 0.46020628737651287, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.5397937126234871, "validation_loss": 0.7698968563117435, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(84,8,'evaluation:07','{"step": 7, "value": 0.46387223070370587, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.5361277692962941, "validation_loss": 0.7680638846481471, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(85,8,'evaluation:08','{"step": 8, "value": 0.5286971651004319, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.47130283489956815, "validation_loss": 0.7356514174497841, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(86,8,'evaluation:09','{"step": 9, "value": 0.6636120982685944, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.33638790173140565, "validation_loss": 0.6681939508657029, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(87,8,'evaluation:10','{"step": 10, "value": 0.6608755264880215, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.3391244735119785, "validation_loss": 0.6695622367559892, "learning_rate": 6.041701125197192e-05}');
INSERT INTO "trial_user_attributes" VALUES(88,8,'best_step','9');
INSERT INTO "trial_user_attributes" VALUES(89,8,'final_value','0.6608755264880215');
INSERT INTO "trial_user_attributes" VALUES(90,9,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(91,9,'evaluation:01','{"step": 1, "value": 0.15504711362446366, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.8449528863755363, "validation_loss": 0.9224764431877681, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(92,9,'evaluation:02','{"step": 2, "value": 0.1586694318597519, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.8413305681402481, "validation_loss": 0.920665284070124, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(93,9,'evaluation:03','{"step": 3, "value": 0.4054617379602981, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.594538262039702, "validation_loss": 0.797269131019851, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(94,9,'evaluation:04','{"step": 4, "value": 0.45325250299067, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.54674749700933, "validation_loss": 0.773373748504665, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(95,9,'evaluation:05','{"step": 5, "value": 0.4854305336557648, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.5145694663442353, "validation_loss": 0.7572847331721176, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(96,9,'evaluation:06','{"step": 6, "value": 0.6888602635910744, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.31113973640892556, "validation_loss": 0.6555698682044628, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(97,9,'evaluation:07','{"step": 7, "value": 0.6590063926982395, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.34099360730176054, "validation_loss": 0.6704968036508803, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(98,9,'evaluation:08','{"step": 8, "value": 0.7142000718391825, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.28579992816081745, "validation_loss": 0.6428999640804087, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(99,9,'evaluation:09','{"step": 9, "value": 0.7084665782648154, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.2915334217351846, "validation_loss": 0.6457667108675923, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(100,9,'evaluation:10','{"step": 10, "value": 0.935097173103754, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.06490282689624605, "validation_loss": 0.5324514134481231, "learning_rate": 7.583315073425589e-05}');
INSERT INTO "trial_user_attributes" VALUES(101,9,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(102,9,'final_value','0.935097173103754');
INSERT INTO "trial_user_attributes" VALUES(103,10,'effective','{"device": "cpu", "threads": 1, "trainable_parameters": 64}');
INSERT INTO "trial_user_attributes" VALUES(104,10,'evaluation:01','{"step": 1, "value": 0.2806707811821758, "epoch": 0.1, "optimiser_steps": 4, "train_loss": 0.7193292188178242, "validation_loss": 0.8596646094089121, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(105,10,'evaluation:02','{"step": 2, "value": 0.31521278462382835, "epoch": 0.2, "optimiser_steps": 8, "train_loss": 0.6847872153761716, "validation_loss": 0.8423936076880858, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(106,10,'evaluation:03','{"step": 3, "value": 0.2615943855747235, "epoch": 0.3, "optimiser_steps": 12, "train_loss": 0.7384056144252765, "validation_loss": 0.8692028072126383, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(107,10,'evaluation:04','{"step": 4, "value": 0.32459605240283274, "epoch": 0.4, "optimiser_steps": 16, "train_loss": 0.6754039475971673, "validation_loss": 0.8377019737985836, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(108,10,'evaluation:05','{"step": 5, "value": 0.39019313701453756, "epoch": 0.5, "optimiser_steps": 20, "train_loss": 0.6098068629854625, "validation_loss": 0.8049034314927312, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(109,10,'evaluation:06','{"step": 6, "value": 0.4661425824675949, "epoch": 0.6, "optimiser_steps": 24, "train_loss": 0.5338574175324051, "validation_loss": 0.7669287087662026, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(110,10,'evaluation:07','{"step": 7, "value": 0.7260798388955929, "epoch": 0.7, "optimiser_steps": 28, "train_loss": 0.2739201611044071, "validation_loss": 0.6369600805522035, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(111,10,'evaluation:08','{"step": 8, "value": 0.7459488768856362, "epoch": 0.8, "optimiser_steps": 32, "train_loss": 0.25405112311436384, "validation_loss": 0.6270255615571819, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(112,10,'evaluation:09','{"step": 9, "value": 0.817652488379263, "epoch": 0.9, "optimiser_steps": 36, "train_loss": 0.18234751162073704, "validation_loss": 0.5911737558103685, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(113,10,'evaluation:10','{"step": 10, "value": 0.9360753522375999, "epoch": 1.0, "optimiser_steps": 40, "train_loss": 0.06392464776240014, "validation_loss": 0.5319623238812001, "learning_rate": 7.677149711414641e-05}');
INSERT INTO "trial_user_attributes" VALUES(114,10,'best_step','10');
INSERT INTO "trial_user_attributes" VALUES(115,10,'final_value','0.9360753522375999');
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
INSERT INTO "trial_values" VALUES(2,2,0,2.13232129575446238689e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,2.77066970373579357644e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,6,0,2.54110428969959278866e-01,'FINITE');
INSERT INTO "trial_values" VALUES(5,7,0,2.13418453192502355353e-01,'FINITE');
INSERT INTO "trial_values" VALUES(6,8,0,6.63612098268594352568e-01,'FINITE');
INSERT INTO "trial_values" VALUES(7,9,0,0.935097173103754,'FINITE');
INSERT INTO "trial_values" VALUES(8,10,0,9.36075352237599855875e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 16:37:54.679844','2026-11-29 16:37:55.002755');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 16:37:54.723297','2026-11-29 16:37:55.147855');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 16:37:55.036414','2026-11-29 16:37:55.262082');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-29 16:37:55.169636','2026-11-29 16:37:55.223806');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-29 16:37:55.238735','2026-11-29 16:37:55.548812');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-29 16:37:55.328753','2026-11-29 16:37:55.577840');
INSERT INTO "trials" VALUES(7,6,1,'PRUNED','2026-11-29 16:37:57.177204','2026-11-29 16:37:57.285148');
INSERT INTO "trials" VALUES(8,7,1,'COMPLETE','2026-11-29 16:37:57.301208','2026-11-29 16:37:57.406424');
INSERT INTO "trials" VALUES(9,8,1,'COMPLETE','2026-11-29 16:37:57.427275','2026-11-29 16:37:57.526096');
INSERT INTO "trials" VALUES(10,9,1,'COMPLETE','2026-11-29 16:37:57.542813','2026-11-29 16:37:57.636027');
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
INSERT INTO "tuner_events" VALUES(1,1,1.79597027467201805113e+09,'claimed',0,NULL,1,'machine-4373-42756fce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(2,1,1.79597027471699857712e+09,'claimed',1,NULL,1,'machine-4373-42756fce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(3,1,1.79597027477300310131e+09,'report',0,0,1,'machine-4373-42756fce',1,1.18868507426232103418e-01,NULL);
INSERT INTO "tuner_events" VALUES(4,1,1.79597027478901600833e+09,'report',0,0,1,'machine-4373-42756fce',2,2.7617930134059864855e-01,NULL);
INSERT INTO "tuner_events" VALUES(5,1,1.79597027479199314119e+09,'report',1,1,1,'machine-4373-42756fce',1,1.08867903791015963044e-01,NULL);
INSERT INTO "tuner_events" VALUES(6,1,1.79597027480201125145e+09,'report',0,0,1,'machine-4373-42756fce',3,2.27047995957545933887e-01,NULL);
INSERT INTO "tuner_events" VALUES(7,1,1.79597027480498838422e+09,'report',1,1,1,'machine-4373-42756fce',2,2.13232129575446238689e-01,NULL);
INSERT INTO "tuner_events" VALUES(8,1,1.79597027481001758576e+09,'report',0,0,1,'machine-4373-42756fce',4,1.34636827087961152837e-01,NULL);
INSERT INTO "tuner_events" VALUES(9,1,1.79597027481400060649e+09,'report',1,1,1,'machine-4373-42756fce',3,8.07110487016532429649e-02,NULL);
INSERT INTO "tuner_events" VALUES(10,1,1.79597027481898975373e+09,'report',0,0,1,'machine-4373-42756fce',5,2.96421450818888820855e-01,NULL);
INSERT INTO "tuner_events" VALUES(11,1,1.7959702748300135135e+09,'report',0,0,1,'machine-4373-42756fce',6,1.79162639954593028157e-01,NULL);
INSERT INTO "tuner_events" VALUES(12,1,1.79597027483500242235e+09,'report',1,1,1,'machine-4373-42756fce',4,0.0953730110116191,NULL);
INSERT INTO "tuner_events" VALUES(13,1,1.79597027483999133112e+09,'report',0,0,1,'machine-4373-42756fce',7,3.37983150021173073263e-01,NULL);
INSERT INTO "tuner_events" VALUES(14,1,1.79597027484799766543e+09,'checkpoint',0,0,1,'machine-4373-42756fce',8,NULL,'trial-00000/attempt-1/best-00000008');
INSERT INTO "tuner_events" VALUES(15,1,1.79597027485801577573e+09,'checkpoint',1,1,1,'machine-4373-42756fce',8,NULL,'trial-00001/attempt-1/best-00000008');
INSERT INTO "tuner_events" VALUES(16,1,1.79597027490601396553e+09,'report',0,0,1,'machine-4373-42756fce',8,3.28048745603300662132e-01,NULL);
INSERT INTO "tuner_events" VALUES(17,1,1.7959702749169974327e+09,'report',1,1,1,'machine-4373-42756fce',5,1.22013955338029153607e-01,NULL);
INSERT INTO "tuner_events" VALUES(18,1,1.79597027493301033976e+09,'report',0,0,1,'machine-4373-42756fce',9,1.87394197862595340842e-01,NULL);
INSERT INTO "tuner_events" VALUES(19,1,1.79597027493498182298e+09,'report',1,1,1,'machine-4373-42756fce',6,1.52386375283572794714e-01,NULL);
INSERT INTO "tuner_events" VALUES(20,1,1.79597027495200037955e+09,'report',0,0,1,'machine-4373-42756fce',10,0.352974616503343,NULL);
INSERT INTO "tuner_events" VALUES(21,1,1.79597027496000671386e+09,'report',1,1,1,'machine-4373-42756fce',7,1.38737368761891438628e-01,NULL);
INSERT INTO "tuner_events" VALUES(22,1,1.79597027497300195698e+09,'report',1,1,1,'machine-4373-42756fce',8,1.10163820484165050905e-01,NULL);
INSERT INTO "tuner_events" VALUES(23,1,1.79597027499098634722e+09,'checkpoint',0,0,1,'machine-4373-42756fce',40,NULL,'trial-00000/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(24,1,1.79597027499500966072e+09,'report',1,1,1,'machine-4373-42756fce',9,1.62693606351593439418e-01,NULL);
INSERT INTO "tuner_events" VALUES(25,1,1.7959702750049874782e+09,'end',0,0,1,'machine-4373-42756fce',NULL,0.352974616503343,'complete');
INSERT INTO "tuner_events" VALUES(26,1,1.79597027500901079179e+09,'report',1,1,1,'machine-4373-42756fce',10,1.13600030346978381201e-01,NULL);
INSERT INTO "tuner_events" VALUES(27,1,1.79597027502200603478e+09,'claimed',2,NULL,1,'machine-4373-42756fce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(28,1,1.79597027509301757812e+09,'report',2,2,1,'machine-4373-42756fce',1,8.33385950433165878514e-02,NULL);
INSERT INTO "tuner_events" VALUES(29,1,1.79597027510400104521e+09,'report',2,2,1,'machine-4373-42756fce',2,2.47518452736843586059e-01,NULL);
INSERT INTO "tuner_events" VALUES(30,1,1.79597027511200761792e+09,'report',2,2,1,'machine-4373-42756fce',3,2.62176285990722790497e-01,NULL);
INSERT INTO "tuner_events" VALUES(31,1,1.79597027512399697304e+09,'report',2,2,1,'machine-4373-42756fce',4,1.88907299382269799892e-01,NULL);
INSERT INTO "tuner_events" VALUES(32,1,1.79597027513200330735e+09,'checkpoint',1,1,1,'machine-4373-42756fce',32,NULL,'trial-00001/attempt-1/step-00000032');
INSERT INTO "tuner_events" VALUES(33,1,1.79597027513799810402e+09,'report',2,2,1,'machine-4373-42756fce',5,9.18997632172336154088e-02,NULL);
INSERT INTO "tuner_events" VALUES(34,1,1.79597027514801621441e+09,'end',1,1,1,'machine-4373-42756fce',NULL,2.13232129575446238689e-01,'complete');
INSERT INTO "tuner_events" VALUES(35,1,1.79597027515501689908e+09,'report',2,2,1,'machine-4373-42756fce',6,1.74455005962819459375e-01,NULL);
INSERT INTO "tuner_events" VALUES(36,1,1.7959702751639888287e+09,'claimed',3,NULL,1,'machine-4373-42756fce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(37,1,1.79597027518201327327e+09,'report',2,2,1,'machine-4373-42756fce',7,2.7117641530684821749e-01,NULL);
INSERT INTO "tuner_events" VALUES(38,1,1.7959702751909852028e+09,'report',2,2,1,'machine-4373-42756fce',8,2.18762452456881167917e-01,NULL);
INSERT INTO "tuner_events" VALUES(39,1,1.79597027520498633379e+09,'report',2,2,1,'machine-4373-42756fce',9,2.77048332698338617419e-01,NULL);
INSERT INTO "tuner_events" VALUES(40,1,1.79597027520900964737e+09,'report',3,3,1,'machine-4373-42756fce',1,2.08846860732547878747e-01,NULL);
INSERT INTO "tuner_events" VALUES(41,1,1795970275.21601,'report',2,2,1,'machine-4373-42756fce',10,2.77066970373579357644e-01,NULL);
INSERT INTO "tuner_events" VALUES(42,1,1.79597027521798157691e+09,'report',3,3,1,'machine-4373-42756fce',2,1.20041335320844166217e-02,NULL);
INSERT INTO "tuner_events" VALUES(43,1,1.79597027522401666644e+09,'end',3,3,1,'machine-4373-42756fce',NULL,1.20041335320844166217e-02,'failed: ValueError: this trial fails in every database of this folder');
INSERT INTO "tuner_events" VALUES(44,1,1.79597027523101711275e+09,'claimed',4,NULL,1,'machine-4373-42756fce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(45,1,1.79597027523399448397e+09,'checkpoint',2,2,1,'machine-4373-42756fce',40,NULL,'trial-00002/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(46,1,1.79597027526199674602e+09,'end',2,2,1,'machine-4373-42756fce',NULL,2.77066970373579357644e-01,'complete');
INSERT INTO "tuner_events" VALUES(47,1,1.79597027528899312025e+09,'report',4,4,1,'machine-4373-42756fce',1,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(48,1,1.7959702753120064735e+09,'claimed',5,NULL,1,'machine-4373-42756fce',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(49,1,1.79597027536700510979e+09,'report',4,4,1,'machine-4373-42756fce',2,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(50,1,1.79597027539601325984e+09,'report',4,4,1,'machine-4373-42756fce',3,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(51,1,1.7959702754080028534e+09,'report',5,5,1,'machine-4373-42756fce',1,2.35602325425090547428e-01,NULL);
INSERT INTO "tuner_events" VALUES(52,1,1.79597027541999220844e+09,'report',4,4,1,'machine-4373-42756fce',4,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(53,1,1.79597027542498111725e+09,'report',5,5,1,'machine-4373-42756fce',2,7.19083597940920193902e-02,NULL);
INSERT INTO "tuner_events" VALUES(54,1,1.7959702754290044307e+09,'report',4,4,1,'machine-4373-42756fce',5,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(55,1,1.79597027543399333955e+09,'report',5,5,1,'machine-4373-42756fce',3,5.80455668822256257155e-02,NULL);
INSERT INTO "tuner_events" VALUES(56,1,1.79597027543998813631e+09,'report',4,4,1,'machine-4373-42756fce',6,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(57,1,1.79597027544501733776e+09,'report',5,5,1,'machine-4373-42756fce',4,2.2642075736058248081e-01,NULL);
INSERT INTO "tuner_events" VALUES(58,1,1.79597027544900035862e+09,'report',4,4,1,'machine-4373-42756fce',7,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(59,1,1.79597027545398926729e+09,'report',5,5,1,'machine-4373-42756fce',5,1.76394988273169434078e-01,NULL);
INSERT INTO "tuner_events" VALUES(60,1,1.79597027547599673268e+09,'report',4,4,1,'machine-4373-42756fce',8,NULL,'value nan');
INSERT INTO "tuner_events" VALUES(61,1,1.79597027549301528929e+09,'report',5,5,1,'machine-4373-42756fce',6,1.28658254892537238234e-01,NULL);
INSERT INTO "tuner_events" VALUES(62,1,1.79597027550399899477e+09,'report',5,5,1,'machine-4373-42756fce',7,2.01580838052600797016e-01,NULL);
INSERT INTO "tuner_events" VALUES(63,1,1.79597027552001190179e+09,'checkpoint',4,4,1,'machine-4373-42756fce',20,NULL,'trial-00004/attempt-1/step-00000020');
INSERT INTO "tuner_events" VALUES(64,1,1.79597027552898383133e+09,'report',5,5,1,'machine-4373-42756fce',8,2.54110428969959278866e-01,NULL);
INSERT INTO "tuner_events" VALUES(65,1,1.79597027554901981357e+09,'end',4,4,1,'machine-4373-42756fce',NULL,NULL,'pruned: diverged: no evaluation was a number; that of tenth 9 is nan');
INSERT INTO "tuner_events" VALUES(66,1,1.79597027556201505656e+09,'report',5,5,1,'machine-4373-42756fce',9,2.2300755623979942599e-01,NULL);
INSERT INTO "tuner_events" VALUES(67,1,1.79597027556998133654e+09,'report',5,5,1,'machine-4373-42756fce',10,1.41004500415439826266e-01,NULL);
INSERT INTO "tuner_events" VALUES(68,1,1.79597027557501053808e+09,'checkpoint',5,5,1,'machine-4373-42756fce',32,NULL,'trial-00005/attempt-1/best-00000032');
INSERT INTO "tuner_events" VALUES(69,1,1.79597027557798767085e+09,'end',5,5,1,'machine-4373-42756fce',NULL,2.54110428969959278866e-01,'complete');
INSERT INTO "tuner_events" VALUES(70,1,1.79597027628399872776e+09,'edited',NULL,NULL,NULL,NULL,NULL,NULL,'budget.trials: 6 -> 10; keep: 2 -> 1');
INSERT INTO "tuner_events" VALUES(71,1,1.79597027716598963732e+09,'claimed',6,NULL,1,'machine-4480-9c10edeb',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(72,1,1.79597027721398782729e+09,'report',6,6,1,'machine-4480-9c10edeb',1,2.05798934958138973749e-01,NULL);
INSERT INTO "tuner_events" VALUES(73,1,1.79597027722098827361e+09,'report',6,6,1,'machine-4480-9c10edeb',2,9.60266080553820594589e-02,NULL);
INSERT INTO "tuner_events" VALUES(74,1,1.79597027722501158706e+09,'report',6,6,1,'machine-4480-9c10edeb',3,9.28761234019217507551e-02,NULL);
INSERT INTO "tuner_events" VALUES(75,1,1.79597027723100638387e+09,'report',6,6,1,'machine-4480-9c10edeb',4,1.66531794887816581018e-01,NULL);
INSERT INTO "tuner_events" VALUES(76,1,1.79597027723901271818e+09,'report',6,6,1,'machine-4480-9c10edeb',5,2.26224068432159308716e-01,NULL);
INSERT INTO "tuner_events" VALUES(77,1,1.79597027724701905249e+09,'report',6,6,1,'machine-4480-9c10edeb',6,1.9460111429938775629e-01,NULL);
INSERT INTO "tuner_events" VALUES(78,1,1.7959702772520079613e+09,'report',6,6,1,'machine-4480-9c10edeb',7,1.75507306965968196132e-01,NULL);
INSERT INTO "tuner_events" VALUES(79,1,1.79597027726001453405e+09,'report',6,6,1,'machine-4480-9c10edeb',8,2.13418453192502355353e-01,NULL);
INSERT INTO "tuner_events" VALUES(80,1,1.79597027727900457379e+09,'checkpoint',6,6,1,'machine-4480-9c10edeb',4,NULL,'trial-00006/attempt-1/best-00000004');
INSERT INTO "tuner_events" VALUES(81,1,1.7959702772870109081e+09,'end',6,6,1,'machine-4480-9c10edeb',NULL,2.13418453192502355353e-01,'pruned: pruned: 0.2134 at tenth 8 was among the weakest so far');
INSERT INTO "tuner_events" VALUES(82,1,1.79597027729501724242e+09,'claimed',7,NULL,1,'machine-4480-9c10edeb',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(83,1,1.79597027732700252533e+09,'report',7,7,1,'machine-4480-9c10edeb',1,7.35342160214864232203e-02,NULL);
INSERT INTO "tuner_events" VALUES(84,1,1.79597027733299732213e+09,'report',7,7,1,'machine-4480-9c10edeb',2,3.30978734511548355889e-01,NULL);
INSERT INTO "tuner_events" VALUES(85,1,1.79597027733698034286e+09,'report',7,7,1,'machine-4480-9c10edeb',3,3.29828104609123040624e-01,NULL);
INSERT INTO "tuner_events" VALUES(86,1,1.79597027734200954439e+09,'report',7,7,1,'machine-4480-9c10edeb',4,4.04892235073990580662e-01,NULL);
INSERT INTO "tuner_events" VALUES(87,1,1.79597027735198736192e+09,'report',7,7,1,'machine-4480-9c10edeb',5,3.44599732429817562362e-01,NULL);
INSERT INTO "tuner_events" VALUES(88,1,1.79597027736699438099e+09,'report',7,7,1,'machine-4480-9c10edeb',6,4.60206287376512868103e-01,NULL);
INSERT INTO "tuner_events" VALUES(89,1,1.79597027737399482722e+09,'report',7,7,1,'machine-4480-9c10edeb',7,4.6387223070370586786e-01,NULL);
INSERT INTO "tuner_events" VALUES(90,1,1.7959702773780181408e+09,'report',7,7,1,'machine-4480-9c10edeb',8,5.28697165100431853979e-01,NULL);
INSERT INTO "tuner_events" VALUES(91,1,1.7959702773840129376e+09,'report',7,7,1,'machine-4480-9c10edeb',9,6.63612098268594352568e-01,NULL);
INSERT INTO "tuner_events" VALUES(92,1,1.79597027739000773428e+09,'report',7,7,1,'machine-4480-9c10edeb',10,6.60875526488021503013e-01,NULL);
INSERT INTO "tuner_events" VALUES(93,1,1.7959702774019970894e+09,'checkpoint',7,7,1,'machine-4480-9c10edeb',36,NULL,'trial-00007/attempt-1/best-00000036');
INSERT INTO "tuner_events" VALUES(94,1,1.79597027740698599812e+09,'end',7,7,1,'machine-4480-9c10edeb',NULL,6.63612098268594352568e-01,'complete');
INSERT INTO "tuner_events" VALUES(95,1,1.79597027742199301719e+09,'claimed',8,NULL,1,'machine-4480-9c10edeb',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(96,1,1795970277.45599,'report',8,8,1,'machine-4480-9c10edeb',1,1.55047113624463661629e-01,NULL);
INSERT INTO "tuner_events" VALUES(97,1,1.79597027746299052236e+09,'report',8,8,1,'machine-4480-9c10edeb',2,1.5866943185975190822e-01,NULL);
INSERT INTO "tuner_events" VALUES(98,1,1.79597027746898531917e+09,'report',8,8,1,'machine-4480-9c10edeb',3,4.05461737960298107541e-01,NULL);
INSERT INTO "tuner_events" VALUES(99,1,1795970277.47498,'report',8,8,1,'machine-4480-9c10edeb',4,0.45325250299067,NULL);
INSERT INTO "tuner_events" VALUES(100,1,1.79597027748000907894e+09,'report',8,8,1,'machine-4480-9c10edeb',5,4.85430533655764773204e-01,NULL);
INSERT INTO "tuner_events" VALUES(101,1,1.79597027748499822618e+09,'report',8,8,1,'machine-4480-9c10edeb',6,6.88860263591074439837e-01,NULL);
INSERT INTO "tuner_events" VALUES(102,1,1.79597027748998689647e+09,'report',8,8,1,'machine-4480-9c10edeb',7,6.59006392698239462646e-01,NULL);
INSERT INTO "tuner_events" VALUES(103,1,1.795970277495016098e+09,'report',8,8,1,'machine-4480-9c10edeb',8,7.14200071839182548671e-01,NULL);
INSERT INTO "tuner_events" VALUES(104,1,1.7959702775010108948e+09,'report',8,8,1,'machine-4480-9c10edeb',9,7.08466578264815405319e-01,NULL);
INSERT INTO "tuner_events" VALUES(105,1,1.79597027750599980353e+09,'report',8,8,1,'machine-4480-9c10edeb',10,0.935097173103754,NULL);
INSERT INTO "tuner_events" VALUES(106,1,1.79597027751601791374e+09,'checkpoint',8,8,1,'machine-4480-9c10edeb',40,NULL,'trial-00008/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(107,1,1.79597027752599573136e+09,'end',8,8,1,'machine-4480-9c10edeb',NULL,0.935097173103754,'complete');
INSERT INTO "tuner_events" VALUES(108,1,1.79597027753798508644e+09,'claimed',9,NULL,1,'machine-4480-9c10edeb',NULL,NULL,NULL);
INSERT INTO "tuner_events" VALUES(109,1,1.79597027757998847956e+09,'report',9,9,1,'machine-4480-9c10edeb',1,2.80670781182175810286e-01,NULL);
INSERT INTO "tuner_events" VALUES(110,1,1.79597027758501768114e+09,'report',9,9,1,'machine-4480-9c10edeb',2,3.15212784623828345953e-01,NULL);
INSERT INTO "tuner_events" VALUES(111,1,1.79597027758900070187e+09,'report',9,9,1,'machine-4480-9c10edeb',3,2.61594385574723475862e-01,NULL);
INSERT INTO "tuner_events" VALUES(112,1,1.79597027759298372272e+09,'report',9,9,1,'machine-4480-9c10edeb',4,3.24596052402832735417e-01,NULL);
INSERT INTO "tuner_events" VALUES(113,1,1.79597027759700727462e+09,'report',9,9,1,'machine-4480-9c10edeb',5,3.90193137014537561046e-01,NULL);
INSERT INTO "tuner_events" VALUES(114,1,1.79597027760099029543e+09,'report',9,9,1,'machine-4480-9c10edeb',6,4.66142582467594879247e-01,NULL);
INSERT INTO "tuner_events" VALUES(115,1,1.79597027760400772093e+09,'report',9,9,1,'machine-4480-9c10edeb',7,7.26079838895592910574e-01,NULL);
INSERT INTO "tuner_events" VALUES(116,1,1.79597027761100816725e+09,'report',9,9,1,'machine-4480-9c10edeb',8,7.45948876885636158462e-01,NULL);
INSERT INTO "tuner_events" VALUES(117,1,1.79597027761998033522e+09,'report',9,9,1,'machine-4480-9c10edeb',9,0.817652488379263,NULL);
INSERT INTO "tuner_events" VALUES(118,1,1.79597027762500953676e+09,'report',9,9,1,'machine-4480-9c10edeb',10,9.36075352237599855875e-01,NULL);
INSERT INTO "tuner_events" VALUES(119,1,1795970277.63201,'checkpoint',9,9,1,'machine-4480-9c10edeb',40,NULL,'trial-00009/attempt-1/best-00000040');
INSERT INTO "tuner_events" VALUES(120,1,1.79597027763599300384e+09,'end',9,9,1,'machine-4480-9c10edeb',NULL,9.36075352237599855875e-01,'complete');
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
INSERT INTO "tuner_slots" VALUES(1,0,'finished',1,0,NULL,1,NULL,0,1,3.32969427108764648437e-01,NULL,'{"resume": [], "best": {"key": "trial-00000/attempt-1/best-00000040", "sha256": "3990f387808c6f6ea222ab8bc2836a0930178a2024668a776bf7f6b6893f8aed", "bytes": 373, "step": 40, "value": 0.352974616503343, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,1,'finished',2,1,NULL,1,NULL,0,1,4.31017637252807617187e-01,NULL,'{"resume": [{"key": "trial-00001/attempt-1/step-00000032", "sha256": "ee95dc35e9ef7de8635869703e49524735c77ba233787add5ef596e56a8d31c8", "bytes": 375, "step": 32, "value": null, "tenth": null}], "best": {"key": "trial-00001/attempt-1/best-00000008", "sha256": "58c96116a568911706408c7d04f6f9067970fe2ba6beb06433ef9fef9250ef0c", "bytes": 374, "step": 8, "value": 0.21323212957544624, "tenth": 2}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,2,'finished',3,2,NULL,1,NULL,0,1,2.39990711212158203125e-01,NULL,'{"resume": [], "best": {"key": "trial-00002/attempt-1/best-00000040", "sha256": "7c8a877e163d836af112ce4b09790ace3c7cded3b6a459a6c23061b567b09c8c", "bytes": 375, "step": 40, "value": 0.27706697037357936, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,3,'finished',4,3,NULL,1,NULL,0,0,0.0600278377532959,NULL,NULL,NULL);
INSERT INTO "tuner_slots" VALUES(1,4,'finished',5,4,NULL,1,NULL,0,1,3.19008350372314453125e-01,NULL,'{"resume": [{"key": "trial-00004/attempt-1/step-00000020", "sha256": "b47d021a2aaec7ba14c18783e494f4ce4baae6cf907750aa0d7f47ad2a09d3db", "bytes": 360, "step": 20, "value": null, "tenth": null}], "best": null}',NULL);
INSERT INTO "tuner_slots" VALUES(1,5,'finished',6,5,NULL,1,NULL,0,1,2.66987085342407226562e-01,NULL,'{"resume": [], "best": {"key": "trial-00005/attempt-1/best-00000032", "sha256": "8e90f907fca3858555e5e6a146ccd12967ddac94c807081b2aae4082de0eb14b", "bytes": 374, "step": 32, "value": 0.2541104289699593, "tenth": 8}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,6,'finished',7,6,NULL,1,NULL,0,1,1.21021270751953125e-01,NULL,'{"resume": [], "best": {"key": "trial-00006/attempt-1/best-00000004", "sha256": "9e0d510dd8fb94e2e71ade638cdcb8bcab61fb775860787e8d4a6ec9a2ac7903", "bytes": 374, "step": 4, "value": 0.20579893495813897, "tenth": 1}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,7,'finished',8,7,NULL,1,NULL,0,1,1.11968755722045898437e-01,NULL,'{"resume": [], "best": {"key": "trial-00007/attempt-1/best-00000036", "sha256": "e222d28a6902000a4fe738298d42a29efd310043ccece9a2e205558e87a34cde", "bytes": 374, "step": 36, "value": 0.6636120982685944, "tenth": 9}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,8,'finished',9,8,NULL,1,NULL,0,1,1.04002714157104492187e-01,NULL,'{"resume": [], "best": {"key": "trial-00008/attempt-1/best-00000040", "sha256": "d1ab1a6b3ef382372a93eb19cf1510866f8326e3f28e876022fc7d28e5eee0e7", "bytes": 373, "step": 40, "value": 0.935097173103754, "tenth": 10}}',NULL);
INSERT INTO "tuner_slots" VALUES(1,9,'finished',10,9,NULL,1,NULL,0,1,0.0980079174041748,NULL,'{"resume": [], "best": {"key": "trial-00009/attempt-1/best-00000040", "sha256": "be6ab2aaa917f746da1ba8f0c8ed11433c39fea988fc97f6f8deba7e4873dc8c", "bytes": 374, "step": 40, "value": 0.9360753522375999, "tenth": 10}}',NULL);
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
INSERT INTO "tuner_studies" VALUES(1,'finished','{"name": "finished", "task": "text-classification", "train": "fixture_training:train", "model": null, "revision": null, "trust_remote_code": false, "data": null, "metric": {"name": "score", "direction": "maximize"}, "search_space": null, "lr_scheduler_kwargs": {}, "sampler": {"name": "tpe", "n_startup_trials": null, "allow_pickle": false}, "pruner": {"name": "percentile", "percentile": 50.0, "n_startup_trials": 1, "n_warmup_steps": 8, "n_min_trials": 1, "min_resource": 2, "reduction_factor": 3}, "checkpoints": null, "budget": {"trials": 10, "time": null, "device_hours": null, "trial_time": null}, "max_length": 128, "precision": "auto", "early_stopping": {"patience": 3}, "evaluations": "auto", "checkpoint_every": 60.0, "speed": {"trunk_cache": true, "one_token": true, "length_grouping": true}, "keep": 1, "max_restarts": 5, "max_failed": 5, "seed": 11}','{"family": "generic", "recipe": {"learning_rate": 2e-05, "batch_size": 32, "num_train_epochs": 3, "dropout": 0.1, "weight_decay": 0.01, "lr_scheduler_type": "linear", "warmup_ratio": 0.06, "frozen_layers": 0.0, "head_learning_rate_factor": 50}, "space": {"learning_rate": {"type": "float", "low": 2.5e-06, "high": 0.00016, "log": true}, "batch_size": {"type": "categorical", "choices": [8, 16, 32, 64]}, "num_train_epochs": {"type": "int", "low": 1, "high": 6}, "dropout": {"type": "float", "low": 0.0, "high": 0.3}, "weight_decay": {"type": "categorical", "choices": [0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2]}, "lr_scheduler_type": {"type": "categorical", "choices": ["linear", "cosine", "constant_with_warmup"]}, "frozen_layers": {"type": "categorical", "choices": [0.0, 0.25, 0.5, 0.75, 1.0]}, "head_learning_rate_factor": {"type": "categorical", "choices": [50.0]}, "warmup_ratio": {"type": "float", "low": 0.0, "high": 0.2, "when": {"lr_scheduler_type": ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant_with_warmup", "inverse_sqrt", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay"]}}}, "file_budget": {"trials": 6, "time": null, "device_hours": null, "trial_time": null}, "folder": "/srv/study", "file_values": {"keep": 2, "max_failed": 5, "pruner": {"name": "percentile", "percentile": 50.0, "n_startup_trials": 1, "n_warmup_steps": 8, "n_min_trials": 1, "min_resource": 2, "reduction_factor": 3}}}','open',1.00800085067749023437e+00,NULL,1.79597027463656568526e+09);
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
