"""The one exception for input that a user can mend."""


class InputError(ValueError):
    """Bad input: the message names the file or value and says what to do.

    The command line prints it as one line and exits with status 2.
    """
