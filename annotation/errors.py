"""What can go wrong with ratings, one class per fact.

AnnotationError
├── DatabaseUnavailable      cannot be opened, written or reached
│   ├── DatabaseTooNew       made by a newer version of this program
│   ├── RestoreFailed        there are backups, and they cannot be brought back
│   └── MirrorFailed         the copy on the Hub cannot be reached, or is not private
├── InvalidRecord            a study, output or rater that cannot be stored as given
├── InvalidRating            a submission that is incomplete, out of range or not an integer
├── InvalidSkip              a skip without a coded reason, or of something already rated
├── UnknownStudy, UnknownRater, UnknownAssignment
├── InvalidInvitation        an invitation link that is unknown, revoked, expired or used up
├── InvalidTable             an uploaded table with lines or fields that cannot be used
├── ConsentMissing           a rater has not agreed to the consent text, or not answered a required question
├── StudyClosed              the state of the study does not allow the requested action
│   ├── StudyFrozen          it was opened, so its design, items and outputs stay as they are
│   └── StudyNotReady        something is missing before it can open
├── NoSlotLeft               all slots of the item went to other raters meanwhile
├── NewerAnswers             the item was answered later elsewhere than what the page shows
├── SubmissionConflict       one submission id used for two different submissions
├── PushFailed               the Hub did not take an export, or must not get it
└── ExportFailed             a file of an export cannot be written or read back

Every message names the value, what is allowed and what to do.
"""


class AnnotationError(Exception):
    """Base of all errors of this package.

    ``fact`` names what is wrong and ``values`` are what its sentence is about, so that a page can tell it in its own
    language; without a fact the English message is all there is.
    """

    def __init__(self, message: str = "", fact: str | None = None, **values: object) -> None:
        super().__init__(message)
        self.fact, self.values = fact, values


class DatabaseUnavailable(AnnotationError):
    """The database cannot be opened, written or reached; nothing was stored."""


class DatabaseTooNew(DatabaseUnavailable):
    """The database holds a schema revision that this code does not know."""


class RestoreFailed(DatabaseUnavailable):
    """The database is gone or damaged, and its backups cannot be brought back; nothing was started empty."""


class MirrorFailed(DatabaseUnavailable):
    """The backups' copy on the Hub cannot be written or fetched, or would be public."""


class InvalidRecord(AnnotationError):
    """A study, output or rater was described in a way that cannot be stored."""


class InvalidRating(AnnotationError):
    """A submission is incomplete, out of the scale, or not made of integers."""


class InvalidSkip(AnnotationError):
    """A skip without a reason of the fixed set, or of an assignment that was rated."""


class UnknownStudy(AnnotationError):
    """No study with this id or slug."""


class UnknownRater(AnnotationError):
    """No rater with this id or token in this study, or her data was deleted."""


class UnknownAssignment(AnnotationError):
    """No such assignment of this rater."""


class StudyClosed(AnnotationError):
    """The state of the study does not allow the requested action."""


class StudyFrozen(StudyClosed):
    """The study was opened; its design, criteria, items and outputs stay as raters see them."""


class StudyNotReady(StudyClosed):
    """Something is missing before the study can open."""


class InvalidInvitation(AnnotationError):
    """The invitation is not of this study, or was revoked, or expired, or has no use left."""


class InvalidParticipant(InvalidInvitation):
    """The address has no id of a crowd platform, or none that can be one; the invitation itself may be good."""


class ConsentMissing(AnnotationError):
    """A rater has to agree to the consent text, or to answer a question, before her first item."""


class InvalidTable(AnnotationError):
    """A table of outputs that cannot be taken as it is; nothing of it was stored."""


class NoSlotLeft(AnnotationError):
    """The lease ran out (or the item was skipped) and other raters filled all its slots."""


class NewerAnswers(AnnotationError):
    """The ratings came from a page that showed older ones than are stored; nothing was overwritten."""


class MovedItem(AnnotationError):
    """The page's item is not at this position of the rater's order, nor anywhere in it; nothing was stored."""


class SubmissionConflict(AnnotationError):
    """A submission id was used before for other content; the earlier submission stands."""


class PushFailed(AnnotationError):
    """The Hub did not take an export, or the data set there is public; nothing was uploaded."""


class ExportFailed(AnnotationError):
    """A file of an export cannot be written, or cannot be read back."""
