"""Every error that a user of ``core`` can cause.

``CoreError`` is the base. Its message is one sentence: what was seen, what is allowed, what to do.

- ``CoreError``
    - ``UnknownLanguage``    a language code, tag or name that cannot be resolved
    - ``InvalidData``        a pool, query, template or verbaliser file that cannot be used (names line and field)
    - ``InvalidQuery``       a query text that cannot be asked (empty, too long)
    - ``InvalidConfig``      settings that contradict each other or fall outside their range
    - ``ModelUnavailable``   a model that is missing, damaged, or would run code of its own
    - ``ServerUnavailable``  a model server that is down, refuses, or answers what cannot be used
    - ``PoolTooSmall``       fewer usable demonstrations than asked for
    - ``OutOfMemory``        work that does not fit into memory in the smallest batches
    - ``PromptTooLong``      a query that does not fit the model's context window even without demonstrations
    - ``OutputUnwritable``   a folder that cannot be written to, or a disk that is full
"""


class CoreError(Exception):
    """Base of all errors of this package; ``str(error)`` is one sentence for the person in front of it."""


class UnknownLanguage(CoreError):
    """A language code, tag or name that cannot be resolved."""


class InvalidData(CoreError):
    """A data, template or verbaliser file that cannot be used."""


class InvalidQuery(CoreError):
    """A query text that cannot be asked."""


class InvalidConfig(CoreError):
    """Settings that contradict each other or fall outside their range."""


class ModelUnavailable(CoreError):
    """A model that is missing, damaged, or would need to run code of its own."""


class ServerUnavailable(CoreError):
    """A model server that is down, refuses, or answers what cannot be used."""


class PoolTooSmall(CoreError):
    """Fewer usable demonstrations than asked for."""


class OutOfMemory(CoreError):
    """Work that does not fit into memory, also in the smallest batches."""


class PromptTooLong(CoreError):
    """A query that does not fit the model's context window."""


class OutputUnwritable(CoreError):
    """A folder that cannot be written to, or a disk that is full."""
