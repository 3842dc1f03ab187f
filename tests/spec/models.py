"""Names of the 193 configurations of models."""


def _each(pattern, *names):
    return [pattern.format(name) for name in names]


_TORCHVISION = [
    *("AlexNet", "Densenet-121", "GoogLeNet", "InceptionV3", "MaxViT-T", "MobileNetV2"),
    *_each("MobileNetV3-{}", "Large", "Small"),
    *_each("SqueezeNet-{}", "1.0", "1.1"),
    *_each("ConvNeXt-{}", "Tiny", "Small", "Base", "Large"),
    *_each("EfficientNet-B{}", *range(8)),
    *_each("EfficientNetV2-{}", "S", "M", "L"),
    *_each("MnasNet-{}", "0.5", "0.75", "1.0", "1.3"),
    *_each("ShuffleNetV2-{}x", "0.5", "1.0", "1.5", "2.0"),
    *_each("RegNetX-{}", "400MF", "800MF", "1.6GF", "3.2GF", "8GF", "16GF", "32GF"),
    *_each("RegNetY-{}", "400MF", "800MF", "1.6GF", "3.2GF", "8GF", "16GF", "32GF", "128GF"),
    *_each("ResNet-{}", 18, 34, 50, 101, 152),
    *_each("ResNeXt-{}", "50-32x4d", "101-32x8d", "101-64x4d"),
    *_each("Wide-ResNet-{}-2", 50, 101),
    *_each("VGG-{}", 11, 13, 16, 19),
    *_each("VGG-{}-BN", 11, 13, 16, 19),
    *_each("Swin-{}", "T", "S", "B"),
    *_each("Swin-V2-{}", "T", "S", "B"),
    *_each("ViT-{}", "B-16", "B-32", "L-16", "L-32", "H-14"),
]
_WITH_TRANSFER = [
    *(*_TORCHVISION, "ASTModel", "TDNNFFNN"),
    *_each("Whisper-FFNN-{}", "Tiny", "Base", "Small"),
    *_each("w2v2-{}", "b", "l", "l-100k", "l-rob", "l-emo"),
]
MODELS = [
    *(*_WITH_TRANSFER, *_each("{}-T", *_WITH_TRANSFER)),
    *("ToyFFNN", "Cnn10", "Cnn14", "Cnn10-32k-T", "Cnn14-32k-T", "Cnn14-16k-T"),
    *("Cnn10-32k-T-online", "End2You-emo18", "End2You-zhao19", "LEAFNet"),
    *_each("Seq-FFNN-{}", "IS09", "IS10", "IS11", "IS12", "IS13", "IS16", "eGeMAPS"),
    *("hubert-b-ls960", "hubert-l-ll60k"),
]
