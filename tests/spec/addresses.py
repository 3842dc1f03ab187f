"""Further import paths, members, attributes, constants and configurations."""

DATASET_BASES = [
    *("AbstractDataset", "BaseClassificationDataset", "BaseMLClassificationDataset"),
    *("BaseMTRegressionDataset", "BaseRegressionDataset"),
]
HANDLERS = [
    *("AbstractFileHandler", "AudioFileHandler", "IdentityFileHandler"),
    *("ImageFileHandler", "NumpyFileHandler"),
]
ENCODERS = ["LabelEncoder", "MinMaxScaler", "MultiLabelEncoder", "MultiTargetMinMaxScaler"]
TRANSFORMS = [
    *("AnyToTensor", "Expand", "FeatureExtractor", "GrayscaleToRGB", "ImageToFloat", "Normalize"),
    *("NumpyToTensor", "OpenSMILE", "PannMel", "RGBAToRGB", "RGBToGrayscale", "RandomCrop"),
    *("Resample", "Resize", "ScaleRange", "SpectToImage", "SquarePadCrop", "Standardizer"),
    "StereoToMono",
]

MODULES = {
    "autrainer": ["HydraConvertEnum", "__version__"],
    "autrainer.augmentations.abstract_augmentation": ["AbstractAugmentation"],
    "autrainer.augmentations.augmentation_wrappers": [
        *("AlbumentationsAugmentation", "AudiomentationsAugmentation", "AugmentationWrapper"),
        *("TorchAudiomentationsAugmentation", "TorchaudioAugmentation", "TorchvisionAugmentation"),
    ],
    "autrainer.augmentations.choice_augmentation": ["Choice"],
    "autrainer.augmentations.image_augmentations": ["CutMix", "MixUp"],
    "autrainer.augmentations.sequential_augmentation": ["Sequential"],
    "autrainer.augmentations.spectrogram_augmentations": [
        *("FrequencyMask", "GaussianNoise", "SpecAugment", "TimeMask", "TimeShift", "TimeWarp"),
    ],
    "autrainer.core.callbacks": ["CallbackManager", "CallbackMixin"],
    "autrainer.core.constants": ["ExportConstants", "NamingConstants", "TrainingConstants"],
    "autrainer.core.plotting": ["PlotBase", "PlotMetrics"],
    "autrainer.core.structs": [
        *("AbstractDataBatch", "AbstractDataItem", "DataBatch", "DataItem"),
    ],
    "autrainer.core.utils": [
        *("Bookkeeping", "ThreadManager", "Timer", "get_hardware_info", "save_hardware_info"),
        *("save_requirements", "set_device", "set_reproducibility", "set_seed", "silence"),
    ],
    "autrainer.datasets": [*DATASET_BASES, "ToyDataset"],
    "autrainer.datasets.abstract_dataset": ["AbstractDataset"],
    "autrainer.datasets.toy_dataset": ["ToyDataset", "ToyDatasetWrapper"],
    "autrainer.datasets.utils": [
        *("AbstractTargetTransform", "DatasetWrapper", "ZipDownloadManager"),
        *(*HANDLERS, *ENCODERS),
    ],
    "autrainer.datasets.utils.file_handlers": HANDLERS,
    "autrainer.datasets.utils.target_transforms": ENCODERS,
    "autrainer.datasets.utils.target_transforms.label_encoder": ["LabelEncoder"],
    "autrainer.datasets.utils.target_transforms.min_max_scaler": ["MinMaxScaler"],
    "autrainer.datasets.utils.target_transforms.multi_label_encoder": ["MultiLabelEncoder"],
    "autrainer.datasets.utils.target_transforms.multi_target_min_max_scaler": [
        "MultiTargetMinMaxScaler"
    ],
    "autrainer.loggers.abstract_logger": ["AbstractLogger"],
    "autrainer.metrics.abstract_metric": ["AbstractMetric"],
    "autrainer.models.abstract_model": ["AbstractModel"],
    "autrainer.models.ast_model": ["ASTModel"],
    "autrainer.models.cnn_10": ["Cnn10"],
    "autrainer.models.cnn_14": ["Cnn14"],
    "autrainer.models.end2you": ["AudioRNNModel"],
    "autrainer.models.ffnn": ["FFNN"],
    "autrainer.models.leaf": ["LEAFNet"],
    "autrainer.models.sequential": ["SeqFFNN"],
    "autrainer.models.tdnn": ["TDNNFFNN"],
    "autrainer.models.timm_wrapper": ["TimmModel"],
    "autrainer.models.torchvision_wrapper": ["TorchvisionModel"],
    "autrainer.models.w2v2": ["W2V2FFNN"],
    "autrainer.models.whisper": ["WhisperFFNN"],
    "autrainer.serving": ["AbstractModelPath", "HubModelPath", "LocalModelPath"],
    "autrainer.training": ["CallbackManager", "CallbackSignature"],
    "autrainer.transforms.abstract_transform": ["AbstractTransform"],
    "autrainer.transforms.smart_compose": ["SmartCompose"],
    "autrainer.transforms.specific_transforms": TRANSFORMS,
    "hydra_filter_sweeper": ["AbstractFilter", "Exists", "Expression"],
    "hydra_plugins.filter": ["FilterSweeper"],
}
NAMES = [f"{module}.{name}" for module, names in MODULES.items() for name in names]

EVENTS = [
    *("train_begin", "train_end", "iteration_begin", "iteration_end", "step_begin", "step_end"),
    *("loader_exhausted", "dev_begin", "dev_end", "dev_step_begin", "dev_step_end"),
    *("test_begin", "test_end", "test_step_begin", "test_step_end"),
]
MEMBERS = {
    "autrainer.augmentations.AbstractAugmentation": ["apply", "offset_generator_seed"],
    "autrainer.augmentations.AugmentationPipeline": ["create_pipeline"],
    "autrainer.augmentations.AugmentationManager": ["get_augmentations"],
    "autrainer.core.callbacks.CallbackMixin": [f"cb_on_{event}" for event in EVENTS],
    "autrainer.core.utils.Bookkeeping": ["log", "log_to_file"],
    "autrainer.core.utils.Timer": [
        *("start", "stop", "get_time_log", "get_mean_seconds", "get_total_seconds"),
    ],
    "autrainer.datasets.AbstractDataset": [
        *("df_train", "df_dev", "df_test", "train_dataset", "dev_dataset", "test_dataset"),
        *("target_transform", "output_dim", "default_collate_fn", "audio_subdir"),
    ],
    "autrainer.datasets.utils.AbstractFileHandler": ["__call__"],
    "autrainer.datasets.utils.AbstractTargetTransform": [
        *("__call__", "__len__", "encode", "decode", "probabilities_training"),
        *("probabilities_inference", "predict_inference", "majority_vote", "probabilities_to_dict"),
    ],
    "autrainer.loggers.AbstractLogger": ["setup", "end_run", "log_and_update_metrics"],
    "autrainer.metrics.AbstractMetric": ["__call__", "starting_metric", "suffix"],
    "autrainer.models.AbstractModel": ["inputs", "embedding_inputs"],
    "autrainer.serving.Inference": [
        *("predict_file", "embed_file", "predict_directory", "embed_directory"),
        *("save_prediction_yaml", "save_prediction_results", "save_embeddings"),
    ],
    "autrainer.training.OutputsTracker": [
        *("outputs", "targets", "indices", "losses", "predictions", "results_df"),
    ],
    "autrainer.transforms.SmartCompose": ["__add__", "__call__"],
}

TRAINER = [
    *("cfg", "DEVICE", "output_directory", "data", "model", "optimizer", "criterion", "scheduler"),
    *("scheduler_frequency", "output_dim", "train_loader", "dev_loader", "test_loader"),
    *("train_loader_iter", "metrics", "max_dev_metric", "best_iteration", "initial_iteration"),
    *("loggers", "callbacks", "continue_training", "bookkeeping", "plot_metrics", "train_timer"),
    *("dev_timer", "test_timer", "dev_tracker", "test_tracker", "train_tracker", "train_step_fn"),
    *("disable_progress_bar", "callback_manager"),
]
"""Attributes of a trainer with a scheduler that trains by steps."""

NAMING = [
    *("dataset", "model", "optimizer", "learning_rate", "batch_size", "training_type"),
    *("iterations", "scheduler", "augmentation", "seed"),
]
CONSTANTS = {
    ("NamingConstants", "NAMING_CONVENTION"): NAMING,
    ("NamingConstants", "INVALID_AGGREGATIONS"): ["training_type"],
    ("NamingConstants", "VALID_AGGREGATIONS"): [n for n in NAMING if n != "training_type"],
    ("NamingConstants", "CONFIG_DIRS"): [
        *("augmentation", "dataset", "model", "optimizer", "plotting", "preprocessing"),
        "scheduler",
    ],
    ("TrainingConstants", "TASKS"): [
        *("classification", "ml-classification", "regression", "mt-regression"),
    ],
    ("ExportConstants", "LOGGING_DEPTH"): 2,
    ("ExportConstants", "IGNORE_PARAMS"): [
        *("results_dir", "experiment_id", "model.dataset", "training_type", "save_frequency"),
        *("dataset.metrics", "plotting", "model.transform", "dataset.transform"),
        *("augmentation.steps", "loggers", "progress_bar", "continue_training"),
        *("remove_continued_runs", "save_train_outputs", "save_dev_outputs", "save_test_outputs"),
    ],
    ("ExportConstants", "ARTIFACTS"): [
        *("model_summary.txt", "metrics.csv", {"config.yaml": ".hydra"}),
    ],
}

_LLDS = ["AIBO-eGeMAPS-llds", "AIBO-IS16-llds"]
_MSP = ["EmoAct", "EmoDom", "EmoVal", "EmoClass-all", "EmoClass-big4"]
_TOYS = [
    f"Toy{kind}-{task}"
    for kind in ("Audio", "Image", "Tabular")
    for task in ("C", "MLC", "R", "MTR")
]
CONFIGS = {
    "augmentation": [
        *("None", "AugMix", "CutMix", "MixUp", "FrequencyMask", "TimeMask", "TimeShift"),
        *("TimeWarp", "SpecAugment", "GaussianNoise", "GaussianBlur", "RandAugment-light"),
        *("RandAugment-medium", "RandAugment-strong", "RandGrayscale", "RandRotation"),
        "SampleGaussianWhiteNoise",
    ],
    "dataset": [
        *("AIBO-wav", "AIBO-wav-pad", "AIBO-mel-16k", "AIBO-mel-32k", *_LLDS, "AudioSet-wav"),
        *("DCASE2016Task1-16k", "DCASE2016Task1-32k", "DCASE2016Task1-wav"),
        *("DCASE2016Task1-wav-stm", "DCASE2018Task3-wav", "DCASE2018Task3-wav-16k"),
        *("DCASE2020Task1A-16k", "DCASE2020Task1A-32k", "DCASE2020Task1A-wav"),
        *("DCASE2020Task1A-wav-16k", "EDANSA2019-wav", "EmoDB-32k", "EmoDB-wav"),
        *(*(f"MSPPodcast-{name}-wav" for name in _MSP), "SpeechCommands-16k"),
        *("SpeechCommands-32k", "SpeechCommands-wav", *_TOYS),
    ],
    "optimizer": [
        *("ASGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam", "RAdam"),
        *("RMSprop", "Rprop", "SAM-SGD", "SGD", "SparseAdam"),
    ],
    "plotting": ["Default"],
    "preprocessing": [
        *("log_mel_8k", "log_mel_16k", "log_mel_32k", "eGeMAPSv02", "eGeMAPSv02-llds"),
        *("ComParE_2016", "ComParE_2016-llds"),
    ],
    "scheduler": ["None", "StepLR"],
    "": ["config", "_autrainer_", "_hydra_disable_logging_", "group"],
}
