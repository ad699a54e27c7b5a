"""Everything whyfit refuses, as one tree.

    WhyfitError
    ├── InputError            the user's data or usage is wrong        exit status 2
    │   ├── SourceError       a file or frame that cannot be read
    │   ├── SchemaError       columns: missing, duplicate, empty, none usable
    │   ├── TargetError       the target is absent, constant, all missing, of the wrong task
    │   ├── SpecError         a choice in Spec or a setting that cannot be honoured
    │   ├── ShapeError        arrays whose sizes do not fit together
    │   ├── NotFiniteError    NaN or infinity where numbers are needed
    │   └── ModelFileError    a .whyfit file that is damaged or not one
    └── InternalFault         whyfit itself is wrong                   exit status 3

A message says what was seen, what was expected and what to try, in one line.
Input errors are also ValueErrors, so that code written for scikit-learn catches them.
"""


class WhyfitError(Exception):
    """Root of the tree."""


class InputError(WhyfitError, ValueError):
    """The user's data or usage is wrong."""


class SourceError(InputError):
    """A file or frame cannot be read."""


class SchemaError(InputError):
    """The columns cannot be used as they are."""


class TargetError(InputError):
    """The target cannot be explained as it is."""


class SpecError(InputError):
    """A choice in the specification cannot be honoured."""


class ShapeError(InputError):
    """Array sizes do not fit together."""


class NotFiniteError(InputError):
    """NaN or infinity where finite numbers are needed."""


class ModelFileError(InputError):
    """A model file is damaged or is not one."""


class InternalFault(WhyfitError):
    """whyfit broke a promise of its own."""
