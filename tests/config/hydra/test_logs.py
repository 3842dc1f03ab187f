"""Loggers are after a block as they were before it, whatever configured them within."""

import logging
import logging.config

from autrainer.config.hydra.logs import loggers_kept

CONFIGURED = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "job.log"}},
    "root": {"handlers": ["file"], "level": "DEBUG"},
}


def test_handlers_and_levels_are_as_before():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with loggers_kept():
        logging.config.dictConfig(CONFIGURED)
        (inside,) = root.handlers
    assert root.handlers == handlers
    assert root.level == level
    assert inside.stream is None


def test_a_log_of_the_user_is_written_on_with(tmp_path):
    # What is opened for writing anew is lost once it has been closed.
    mine = logging.FileHandler(tmp_path / "mine.log", mode="w")
    logger = logging.getLogger("of.the.user")
    logger.addHandler(mine)
    try:
        logger.warning("before")
        with loggers_kept():
            logging.config.dictConfig(CONFIGURED)
        logger.warning("after")
    finally:
        logger.removeHandler(mine)
        mine.close()
    assert (tmp_path / "mine.log").read_text() == "before\nafter\n"
