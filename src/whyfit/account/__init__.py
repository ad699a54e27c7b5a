"""The account of a journey: what a Case and its findings come to, as the plain data that reports are drawn from."""

from whyfit.account.document import document_of

__all__ = ["document_of"]
