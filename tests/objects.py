"""Objects as the text that a run writes of them."""

from autrainer.runs.objects import object_dict
from autrainer.runs.yaml.writing import yaml_text


def object_yaml(obj):
    """Text from which `audobject.from_yaml` builds an equal object."""
    return yaml_text(object_dict(obj))
