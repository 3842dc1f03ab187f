"""Which numbers features have: raised with every change of them.

Features that are kept (`autrainer preprocess`, `features_cache`) name the version that made them;
those of another one are made again.
"""

FEATURES_VERSION = 1
