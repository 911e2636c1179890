"""What a caller of the transport may want to tell apart; all others are Unavailable or BadInput as they are."""

from ci_lib.errors import BadInput, Unavailable


class Uncertain(Unavailable):
    """The request had left when something broke: the server may have done it, and it was not sent again.

    The caller looks whether it was done (by its op id) and decides.
    """


class Denied(BadInput):
    """401 or 403: no token, a token that is not valid, or one that may not do this.

    Args:
        what: what is wrong, and where.
        hint: which token with which scope is needed, and in which variable.
        status: 401 or 403.
    """

    def __init__(self, what: str, hint: str, status: int) -> None:
        super().__init__(what, hint)
        self.status = status
