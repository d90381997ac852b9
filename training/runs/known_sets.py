"""Published sets of questions by their file names, with their licences, for model cards."""

_SETS = {
    "jaquad": "JaQuAD 0.1 (So et al., 2022), CC BY-SA 3.0",
    "squad-v1": "SQuAD v1.1 (Rajpurkar et al., 2016), CC BY-SA 4.0",
    "squadshifts": "SQuADShifts (Miller et al., 2020), CC BY 4.0",
    "pubmedqa": "PubMedQA (Jin et al., 2019), MIT",
    "near misses": "written for this project, in part for passages of the sets above",
}


def licence_of(file_name: str) -> str:
    """Return the name and licence of the set that a file belongs to, or that none is known."""
    known = (text for start, text in _SETS.items() if file_name.startswith(start))
    return next(known, "licence not given")
