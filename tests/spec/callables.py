"""Classes and functions by import path, with their arguments and defaults.

Arguments before `/` have a place but no known name, those after `*` a name but no known place.
"""

_AUG = "order=0, p=1.0, generator_seed=None"
_TRANSFORMS = "train_transform=None, dev_transform=None, test_transform=None"
_FILES = (
    "seed, {task}metrics, tracking_metric, index_column, target_column, file_type, file_handler, "
    f"features_path=None, {_TRANSFORMS}, stratify=None"
)
_DATASET = f"path, features_subdir, {_FILES}"
_LOADER = (
    "self, batch_size, num_workers=0, pin_memory=False, drop_last=False, timeout=0, "
    'prefetch_factor=None, pin_memory_device=""'
)
_LOGGER = "exp_name, run_name, metrics, tracking_metric, artifacts=None"
_PLOTS = (
    "output_directory, training_type, *, figsize, latex, filetypes, pickle, context, palette, "
    "replace_none, add_titles, add_xlabels, add_ylabels, rcParams"
)
_INSTANTIATE = "config, instance_of=None, convert=None, recursive=False, **kwargs"
_HYDRA = 'override_kwargs=None, {options}config_name="{name}", config_path=None'

PACKAGE = {
    "autrainer.main": "config_name, config_path=None, version_base=None",
    "autrainer.instantiate": _INSTANTIATE,
    "autrainer.instantiate_shorthand": _INSTANTIATE,
    "autrainer.loggers.get_params_to_export": 'params, prefix=""',
}

AUGMENTATIONS = {
    "AbstractAugmentation": f"{_AUG}, **kwargs",
    "AugmentationPipeline": "pipeline, generator_seed=0, increment=True",
    "AugmentationManager": (
        "train_augmentation=None, dev_augmentation=None, test_augmentation=None"
    ),
    "Sequential": f"sequence, {_AUG}",
    "Choice": f"choices, weights=None, {_AUG}",
    "GaussianNoise": f"mean=0.0, std=1.0, {_AUG}",
    "TimeShift": f"axis, time_steps=0, {_AUG}",
    "TimeMask": f"time_mask, axis, replace_with_zero=True, {_AUG}",
    "FrequencyMask": f"freq_mask, axis, replace_with_zero=True, {_AUG}",
    "TimeWarp": f"axis, W=10, {_AUG}",
    "SpecAugment": f"time_mask=10, freq_mask=10, W=50, {_AUG}",
    "MixUp": f"alpha=1.0, {_AUG}",
    "CutMix": f"alpha=1.0, {_AUG}",
    "SampleGaussianWhiteNoise": (
        "snr_df, snr_col, sample_seed=None, order=101, p=1.0, generator_seed=None"
    ),
    "AugmentationWrapper": (
        f"augmentation_import_path, {_AUG}, pass_index=False, probability_attr=None, **kwargs"
    ),
    "TorchvisionAugmentation": f"name, {_AUG}, **kwargs",
    "TorchaudioAugmentation": f"name, {_AUG}, **kwargs",
    "AlbumentationsAugmentation": f"name, {_AUG}, **kwargs",
    "AudiomentationsAugmentation": f"name, sample_rate=None, {_AUG}, **kwargs",
    "TorchAudiomentationsAugmentation": f"name, sample_rate, {_AUG}, **kwargs",
}

COMMANDS = {
    "create": "directories=None, empty=False, all=False, force=False",
    "list": 'directory, local_only=False, global_only=False, pattern="*"',
    "show": "directory, config, save=False, force=False",
    "train": _HYDRA.format(options="", name="config"),
    "fetch": _HYDRA.format(options="cfg_launcher=False, ", name="config"),
    "preprocess": _HYDRA.format(
        options="num_workers=0, update_frequency=1, cfg_launcher=False, ", name="config"
    ),
    "inference": (
        'model, input, output, checkpoint="_best", device="cpu", extension="wav", '
        'recursive=False, embeddings=False, update_frequency=1, preprocess_cfg="default", '
        "window_length=None, stride_length=None, min_length=None, sample_rate=None, "
        "trust_remote=False"
    ),
    "postprocess": "results_dir, experiment_id, max_runs=None, aggregate=None",
    "rm_failed": "results_dir, experiment_id, force=False",
    "rm_states": (
        "results_dir, experiment_id, keep_best=True, keep_runs=None, keep_iterations=None"
    ),
    "group": _HYDRA.format(options="", name="group"),
}

CORE = {
    "scripts.cli.main": "",
    "scripts.cli.get_parser": "",
    "scripts.command_line_error.CommandLineError": "parser, message, code",
    "scripts.preprocess_script.preprocess_main": (
        "name, dataset, preprocess, num_workers, update_frequency"
    ),
    "structs.DataItem": "features, target, index",
    "structs.DataBatch": "features, target, index",
    "structs.DataBatch.collate": "items, /",
    "structs.DataBatch.to": "self, device, **kwargs",
    "plotting.PlotBase": _PLOTS,
    "plotting.PlotBase.save_plot": 'self, fig, name, path="", close=True, tight_layout=True',
    "plotting.PlotMetrics": f"{_PLOTS}, metric_fns",
    "plotting.PlotMetrics.plot_run": "self, metrics, std_scale=0.1",
    "plotting.PlotMetrics.plot_metric": (
        "self, metrics, metric, metrics_std=None, std_scale=0.1, max_runs=None"
    ),
    "plotting.PlotMetrics.plot_aggregated_bars": (
        "self, metrics_df, metric, subplots_by=0, group_by=1, split_subgroups=True"
    ),
    "callbacks.CallbackManager": "",
    "callbacks.CallbackManager.register": "self, obj, /",
    "callbacks.CallbackManager.register_multiple": "self, objs, /",
    "callbacks.CallbackManager.callback": "self, position, **kwargs",
    "callbacks.CallbackManager.remove": "self, obj, name, /",
    "callbacks.CallbackManager.remove_all": "self, obj, /",
    "callbacks.CallbackMixin.order": "n, /",
    "callbacks.CallbackMixin.chain": "",
    "utils.Timer": "output_directory, timer_type",
    "utils.Timer.pretty_time": "seconds",
    "utils.Timer.save": 'self, path=""',
    "utils.Bookkeeping": "output_directory, file_handler_path=None",
    "utils.Bookkeeping.create_folder": 'self, name, path=""',
    "utils.Bookkeeping.save_model_summary": "self, model, shape, device, filename, /",
    "utils.Bookkeeping.save_state": 'self, obj, filename, path=""',
    "utils.Bookkeeping.load_state": 'self, obj, filename, path=""',
    "utils.Bookkeeping.save_audobject": 'self, obj, filename, path=""',
    "utils.Bookkeeping.save_results_dict": 'self, results, filename, path=""',
    "utils.Bookkeeping.save_results_df": 'self, df, filename, path=""',
    "utils.Bookkeeping.save_results_np": 'self, array, filename, path=""',
    "utils.Bookkeeping.save_best_results": (
        'self, metrics, filename, metric_fns, tracking_metric_fn, path=""'
    ),
    "utils.save_hardware_info": "output_directory, /",
    "utils.save_requirements": "output_directory, /",
    "utils.set_device": "device",
    "utils.set_reproducibility": "reproducible",
    "utils.set_seed": "seed",
}

DATASETS = {
    "AbstractDataset": f"path, features_subdir, {_FILES.format(task='task, ')}",
    "AbstractDataset.create_train_loader": _LOADER,
    "AbstractDataset.create_dev_loader": _LOADER,
    "AbstractDataset.create_test_loader": _LOADER,
    "AbstractDataset.download": "path",
    "AbstractDataset._init_dataset": "self, df, transform",
    "BaseClassificationDataset": _DATASET.format(task=""),
    "BaseMLClassificationDataset": f"{_DATASET.format(task='')}, *, threshold=0.5",
    "BaseRegressionDataset": _DATASET.format(task=""),
    "BaseMTRegressionDataset": _DATASET.format(task=""),
    "ToyDataset": (
        "task, size, num_targets, feature_shape, dev_split, test_split, seed, metrics, "
        f'tracking_metric, dtype="float32", {_TRANSFORMS}'
    ),
    "utils.DatasetWrapper": (
        "path, features_subdir, index_column, target_column, file_handler, df, file_type=None, "
        "transform=None, target_transform=None"
    ),
    "utils.ZipDownloadManager": "files, path, max_threads=4",
    "utils.ZipDownloadManager.download": "self, check_exist=None",
    "utils.ZipDownloadManager.extract": "self, check_exist=None",
    "utils.AudioFileHandler": "target_sample_rate=None, **kwargs",
    "utils.ImageFileHandler": "",
    "utils.NumpyFileHandler": "",
    "utils.IdentityFileHandler": "",
    "utils.AbstractFileHandler.load": "self, file",
    "utils.AbstractFileHandler.save": "self, file, data",
    "utils.LabelEncoder": "labels",
    "utils.MultiLabelEncoder": "threshold, labels",
    "utils.MinMaxScaler": "target, minimum, maximum",
    "utils.MultiTargetMinMaxScaler": "target, minimum, maximum",
    "AIBO": f'{_DATASET.format(task="")}, *, aibo_task="2cl"',
    "AudioSet": (
        "path, features_subdir, seed, metrics, tracking_metric, index_column, file_type, "
        f"file_handler, features_path=None, {_TRANSFORMS}, stratify=None, *, target_column=None, "
        "threshold=0.5, use_unbalanced=False, include=None, exclude=None"
    ),
    "DCASE2016Task1": f"{_DATASET.format(task='')}, *, fold=1",
    "DCASE2018Task3": f"{_DATASET.format(task='')}, *, dev_split=0.0, dev_split_seed=None",
    "DCASE2020Task1A": (
        f"{_DATASET.format(task='')}, *, dev_split=0.0, dev_split_seed=None, scene_category=None, "
        "exclude_cities=None"
    ),
    "EDANSA2019": f"{_DATASET.format(task='')}, *, threshold=0.5",
    "EmoDB": (
        f"{_DATASET.format(task='')}, *, train_speakers=None, dev_speakers=None, test_speakers=None"
    ),
    "MSPPodcast": (
        "path, seed, metrics, tracking_metric, target_column, file_type, file_handler, "
        f'index_column="FileName", features_subdir=None, {_TRANSFORMS}, stratify=None, '
        "categories=None"
    ),
    "SpeechCommands": _DATASET.format(task=""),
}

MODELS = {
    "AbstractModel": "output_dim, transfer=None",
    "AbstractModel.forward": "self, features",
    "AbstractModel.embeddings": "self, features",
    "utils.create_model_inputs": "model, batch",
    "utils.ExtractLayerEmbeddings": "model, layer_selector_fn=None",
    "utils.load_transfer_weights": "model, url",
    "FFNN": "output_dim, input_size, hidden_size, num_layers=2, dropout=0.5, transfer=None",
    "SeqFFNN": (
        "output_dim, backbone_input_dim, backbone_hidden_size, backbone_num_layers, hidden_size, "
        'num_layers=2, dropout=0.5, backbone_dropout=0.5, backbone_cell="LSTM", '
        "backbone_time_pooling=True, backbone_bidirectional=False, transfer=None"
    ),
    "Cnn10": "output_dim, segmentwise=False, in_channels=1, transfer=None",
    "Cnn14": "output_dim, segmentwise=False, in_channels=1, transfer=None",
    "AudioRNNModel": (
        'output_dim, model_name, hidden_size=256, num_layers=2, dropout=0.5, cell="LSTM", '
        "bidirectional=False, transfer=None"
    ),
    "LEAFNet": (
        "output_dim, leaf_filters=40, kernel_size=25, stride=0.0625, window_stride=10, "
        "padding_kernel_size=25, sample_rate=16000, min_freq=60, max_freq=7800, "
        'efficientnet_type="efficientnet_b0", mode="interspeech", initialization="mel", '
        "generator_seed=42, transfer=False"
    ),
    "TDNNFFNN": "output_dim, hidden_size, num_layers=2, dropout=0.5, transfer=False",
    "ASTModel": "output_dim, num_hidden_layers=12, hidden_size=128, dropout=0.5, transfer=None",
    "W2V2FFNN": (
        "output_dim, model_name, freeze_extractor, hidden_size, num_layers=2, dropout=0.5, "
        "transfer=False"
    ),
    "WhisperFFNN": (
        "output_dim, model_name, hidden_size, num_layers=2, dropout=0.5, transfer=False"
    ),
    "TorchvisionModel": "output_dim, torchvision_name, transfer=False, **kwargs",
    "TimmModel": "output_dim, timm_name, transfer=False, **kwargs",
}

POSTPROCESSING = {
    "SummarizeGrid": (
        'results_dir, experiment_id, summary_dir="summary", training_dir="training", '
        "clear_old_outputs=True, training_type=None, max_runs_plot=None, plot_params=None"
    ),
    "AggregateGrid": (
        'results_dir, experiment_id, aggregate_list, aggregate_prefix="agg", '
        'training_dir="training", max_runs_plot=None, aggregate_name=None, aggregated_dict=None, '
        "plot_params=None"
    ),
    "GroupGrid": "results_dir, groupings, max_runs=None, plot_params=None",
}

SERVING = {
    "Inference": (
        'model_path, checkpoint="_best", device="cpu", preprocess_cfg="default", '
        "window_length=None, stride_length=None, min_length=None, sample_rate=None"
    ),
    "get_model_path": "model, trust_remote",
}

TRAINING = {
    "ModularTaskTrainer": "cfg, output_directory, experiment_id=None, run_name=None",
    "ModularTaskTrainer.train": "self",
    "ModularTaskTrainer.train_epochs": "self",
    "ModularTaskTrainer.train_steps": "self",
    "ModularTaskTrainer.evaluate": (
        'self, iteration, iteration_folder, loader, df, dev_evaluation=True, save_to="dev", '
        "tracker=None"
    ),
    "ModularTaskTrainer._train_step": "self, model, data, criterion, probabilities_fn, /",
    "OutputsTracker": "export, prefix, data, bookkeeping",
    "OutputsTracker.update": "self, output, target, loss, sample_idx",
    "OutputsTracker.save": "self, iteration_folder, reset=True",
    "OutputsTracker.reset": "self",
}

OBJECTS = {
    "criterions.CrossEntropyLoss": '*, weight=None, reduction="mean", label_smoothing=0.0',
    "criterions.BalancedCrossEntropyLoss": '*, weight=None, reduction="mean"',
    "criterions.WeightedCrossEntropyLoss": "class_weights, **kwargs",
    "criterions.BCEWithLogitsLoss": '*, weight=None, reduction="mean", pos_weight=None',
    "criterions.BalancedBCEWithLogitsLoss": 'weight=None, reduction="mean"',
    "criterions.WeightedBCEWithLogitsLoss": "class_weights, **kwargs",
    "criterions.MSELoss": '*, reduction="mean"',
    "criterions.WeightedMSELoss": "target_weights, **kwargs",
    "metrics.AbstractMetric": "name, fn, fallback, **fn_kwargs",
    "metrics.BaseAscendingMetric": "name, fn, fallback=-1e32, **fn_kwargs",
    "metrics.BaseDescendingMetric": "name, fn, fallback=-1e32, **fn_kwargs",
    **{
        f"metrics.{name}": ""
        for name in (
            *("Accuracy", "UAR", "F1", "MLAccuracy", "MLF1Macro", "MLF1Micro", "MLF1Weighted"),
            *("PCC", "CCC", "MSE", "MAE"),
        )
    },
    "metrics.AbstractMetric.get_best": "series, /",
    "metrics.AbstractMetric.get_best_pos": "series, /",
    "metrics.AbstractMetric.compare": "a, b, /",
    "metrics.AbstractMetric.unitary": "self, y_true, y_pred",
    "optimizers.SAM": "params, base_optimizer, rho=0.05, adaptive=False, **kwargs",
    "optimizers.SAM.custom_step": "self, model, batch, criterion, probabilities_fn, /",
    "loggers.AbstractLogger": _LOGGER,
    "loggers.AbstractLogger.log_params": "self, cfg, /",
    "loggers.AbstractLogger.log_metrics": "self, metrics, /, iteration=None",
    "loggers.AbstractLogger.log_timers": "self, timers, /",
    "loggers.AbstractLogger.log_artifact": 'self, filename, path=""',
    "loggers.MLFlowLogger": f'{_LOGGER}, output_dir="mlruns"',
    "loggers.TensorBoardLogger": f'{_LOGGER}, output_dir="runs"',
    "loggers.FallbackLogger": "requested_logger=None, extras=None",
}

TRANSFORMS = {
    "AbstractTransform": "order=0, **kwargs",
    "SmartCompose": "transforms, **kwargs",
    "SmartCompose.get_collate_fn": "self, dataset",
    "SmartCompose.setup": "self, dataset",
    "SmartCompose.offset_generator_seed": "self, offset, /",
    "TransformManager": (
        "model_transform, dataset_transform, train_augmentation, dev_augmentation, "
        "test_augmentation"
    ),
    "TransformManager.get_transforms": "self",
    "AnyToTensor": "order=-100",
    "NumpyToTensor": "order=-100",
    "Standardizer": 'mean=None, std=None, subset="train", correction=1, order=-99',
    "StereoToMono": "order=-95",
    "RGBAToRGB": "order=-95",
    "Resample": "current_sr, target_sr, order=-95",
    "SquarePadCrop": 'mode="pad", order=-91',
    "PannMel": (
        "window_size, hop_size, sample_rate, fmin, fmax, mel_bins, ref, amin, top_db, order=-90"
    ),
    "SpectToImage": 'height, width, cmap="magma", order=-90',
    "Resize": 'height=64, width=64, interpolation="bilinear", antialias=True, order=-90',
    "RandomCrop": 'size, method="pad", axis=-2, fix_randomization=False, order=-90',
    "Expand": 'size, method="pad", axis=-2, order=-85',
    "FeatureExtractor": "fe_type=None, fe_transfer=None, sampling_rate=16000, order=-80",
    "OpenSMILE": "feature_set, sample_rate, functionals=False, lld_deltas=False, order=-80",
    "ScaleRange": "range=None, order=90",
    "ImageToFloat": "order=90",
    "Normalize": "mean, std, order=95",
    "RGBToGrayscale": "order=100",
    "GrayscaleToRGB": "order=100",
}

ROOMS = {
    "": PACKAGE,
    "autrainer.augmentations.": AUGMENTATIONS,
    "autrainer.cli.": COMMANDS,
    "autrainer.core.": CORE,
    "autrainer.datasets.": DATASETS,
    "autrainer.models.": MODELS,
    "autrainer.postprocessing.": POSTPROCESSING,
    "autrainer.serving.": SERVING,
    "autrainer.training.": TRAINING,
    "autrainer.": OBJECTS,
    "autrainer.transforms.": TRANSFORMS,
}
CALLABLES = {
    f"{room}{name}": arguments for room, names in ROOMS.items() for name, arguments in names.items()
}
