"""The TRIPOD+AI checklist (Collins et al. 2024, BMJ 385:e078378) of a study that develops a model, as far as its study, its opened sums
and its figures answer it. What only people know is open, and named so. Item texts are paraphrased; the numbers are the checklist's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cipherward.crypto.scheme import Opener
from cipherward.report.passport_facts import Known

OPEN = "[ ]"
"""In the place of what nobody has said."""

Fill = Callable[[Known], str]


@dataclass(frozen=True)
class Item:
    """One item. `of`: what it asks; `said`: what is known, "" for nothing; `left`: what people still have to say, "" for nothing."""

    number: str
    section: str
    of: str
    said: str
    left: str

    @property
    def state(self) -> str:
        if self.said and not self.left:
            return "answered"
        return "in part" if self.said else "open"


def checklist(known: Known) -> tuple[Item, ...]:
    """Every item, in order."""
    return tuple(_items(known))


def _items(k: Known) -> Iterator[Item]:
    study = k.study
    n = len(k.names)
    section = "Title and abstract"
    yield Item(
        "1",
        section,
        "the title names a prediction model, its target population and its outcome",
        k.title,
        "the target population, if the title lacks it",
    )
    yield Item("2", section, "an abstract by TRIPOD+AI for Abstracts", "", "an abstract")
    section = "Introduction"
    yield Item(
        "3a",
        section,
        "context in health care, rationale, earlier models",
        study.purpose or study.description,
        "whether diagnostic or prognostic, and earlier models",
    )
    yield Item(
        "3b",
        section,
        "target population, purpose in the care pathway, intended users",
        study.purpose,
        "population, place in the pathway, users",
    )
    yield Item("3c", section, "known health inequalities between groups", "", "what is known of them")
    yield Item(
        "4",
        section,
        "objectives: development, evaluation, or both",
        f"A model is developed over {n} hospitals, and measured on test rows of the same hospitals.",
        "",
    )
    section = "Methods"
    yield Item(
        "5a",
        section,
        "sources of data, and why these; how representative",
        f"Tables of {n} hospitals ({', '.join(k.names)}); source: {k.source}.",
        "why these hospitals, and how representative they are",
    )
    yield Item("5b", section, "dates of the data", "", "first and last admission, end of follow-up")
    yield Item(
        "6a", section, "setting, number and location of centres", f"{n} hospitals.", "kind of care, and where they are"
    )
    yield Item("6b", section, "who is eligible", "", "criteria by which rows enter the tables")
    yield Item("6c", section, "treatments, and how they were handled", "", "treatments")
    yield Item("7", section, "preparation and quality checks of data", k.preparation, "what each hospital did before")
    yield Item(
        "8a",
        section,
        "outcome, its time, and how it is assessed",
        f"{k.outcome}.",
        "horizon of time, how and when it is assessed, and whether alike in all groups",
    )
    yield Item("8b", section, "who assessed an outcome that needs judgement", "", "whether it does, and who")
    yield Item("8c", section, "blinding of that assessment", "", "whether there was any")
    yield Item(
        "9a",
        section,
        "how predictors were chosen",
        f"{len(k.columns)} columns were declared before anything was computed; {k.left_out}",
        "why these",
    )
    yield Item(
        "9b",
        section,
        "definition of each predictor",
        "; ".join(k.columns) + ".",
        "how and when they are measured" if not k.described else "",
    )
    yield Item("9c", section, "who assessed predictors that need judgement", "", "whether some do, and who")
    yield Item("10", section, "study size, and whether it is enough", k.sizes, "why that is enough")
    yield Item("11", section, "missing data", k.missing, "")
    yield Item("12a", section, "how data were used and parted", k.parts, "")
    yield Item("12b", section, "how predictors were handled", k.handled, "")
    yield Item(
        "12c",
        section,
        "kind of model, its building, tuning and internal validation",
        k.building,
        "why this kind of model",
    )
    yield Item(
        "12d",
        section,
        "differences between clusters",
        "Each hospital finds the model's figures on its own test rows; they stay there."
        if not k.is_simulated
        else "The run on one machine measures the model at each hospital.",
        "whether differences were modelled",
    )
    yield Item("12e", section, "measures of performance", k.measures, "why these, if others were possible")
    yield Item("12f", section, "updating of the model after its evaluation", "None.", "")
    yield Item(
        "12g",
        section,
        "how predictions are calculated",
        "`cipherward predict`, from the model file; `cipherward export` writes ONNX.",
        "",
    )
    yield Item("13", section, "class imbalance", k.imbalance, "")
    yield Item(
        "14",
        section,
        "fairness",
        k.fairness,
        "" if k.has_subgroups else "which subgroups matter: [evaluation] subgroups of the study measures them",
    )
    yield Item(
        "15",
        section,
        "output of the model, and thresholds",
        k.output,
        "" if k.threshold else "whether and where risks are cut: evaluation.threshold of the study",
    )
    yield Item(
        "16",
        section,
        "differences between data for development and evaluation",
        "None by design: patients of each hospital are dealt to both at random.",
        "evaluation elsewhere, and later",
    )
    yield Item(
        "17",
        section,
        "ethical approval",
        study.legal_basis,
        "committee and number, and consent; or why none was needed",
    )
    section = "Open science"
    yield Item("18a", section, "funding", "", "who paid, and their role")
    yield Item("18b", section, "conflicts of interest", "", "of each author")
    yield Item(
        "18c",
        section,
        "protocol",
        f"The study document was frozen before the first sum, and its digest approved: {k.digest}.",
        "where it can be read",
    )
    yield Item("18d", section, "registration", "", "registry and number, or that there is none")
    yield Item(
        "18e",
        section,
        "sharing of data",
        "Rows stay at each hospital. Opened sums and receipts are in the run folder.",
        "how to ask for access",
    )
    yield Item(
        "18f",
        section,
        "sharing of code",
        f"{k.software}, Apache-2.0; the study document repeats the study.",
        "code that prepared the tables",
    )
    yield Item(
        "19", "Patient and public involvement", "involvement of patients and the public", "", "whether there was any"
    )
    section = "Results"
    yield Item(
        "20a",
        section,
        "flow of participants, with and without the outcome",
        k.sizes,
        'who was excluded before: a study with task = "describe" and settings.include counts it',
    )
    yield Item(
        "20b",
        section,
        "characteristics of participants, by centre",
        k.characteristics,
        "a cohort table (`cipherward cohort`), and key dates",
    )
    yield Item(
        "20c",
        section,
        "predictors in evaluation beside development",
        "Both are drawn from the same tables at random.",
        "",
    )
    yield Item("21", section, "participants and outcomes in each analysis", k.sizes, "")
    yield Item("22", section, "the full model", k.specification, "restrictions to its use")
    yield Item(
        "23a",
        section,
        "performance, with intervals, and for key subgroups",
        k.performance,
        "" if k.has_subgroups else "subgroups",
    )
    yield Item(
        "23b",
        section,
        "performance by cluster",
        k.by_hospital,
        "" if k.is_simulated else "what hospitals want to say of their own",
    )
    yield Item("24", section, "results of updating", "None.", "")
    section = "Discussion"
    yield Item("25", section, "interpretation, with fairness, beside earlier studies", "", "an interpretation")
    yield Item("26", section, "limitations", " ".join(k.limits), "what people see beyond these")
    yield Item("27a", section, "input that is poor or missing when the model is used", k.at_use, "")
    yield Item("27b", section, "what users have to do and to know", "", "skills, and what a prediction leads to")
    yield Item(
        "27c", section, "next steps, and where the model holds", "", "evaluation elsewhere and later, and by whom"
    )


def markdown(known: Known) -> str:
    """The checklist as Markdown, ending in a line break."""
    items = checklist(known)
    by_state = {
        state: [each.number for each in items if each.state == state] for state in ("open", "in part", "answered")
    }
    lines = [
        f"# TRIPOD+AI checklist: {known.title}",
        "",
        f"Filled by {known.software} from the study (digest `{known.digest}`), its verified receipts and its figures. {OPEN} is for people to fill in; a draft, "
        "and no statement that a report of this study is complete.",
        "",
        f"Open: {', '.join(by_state['open'])}. In part: {', '.join(by_state['in part'])}. Answered: {', '.join(by_state['answered'])}.",
        "",
    ]
    section = ""
    for each in items:
        if each.section != section:
            section = each.section
            lines += [f"## {section}", ""] if lines[-1] == "" else ["", f"## {section}", ""]
        lines.append(f"- **{each.number}** {each.of} ({each.state})")
        if each.said:
            lines.append(f"    - {each.said}")
        if each.left:
            lines.append(f"    - {OPEN} {each.left}")
    return "\n".join(lines) + "\n"


def who_reads(known: Known) -> str:
    """Who could read one hospital's contribution, in a clause."""
    if known.opener is Opener.ANYONE:
        return "anyone could read single contributions (no protection)"
    if known.opener is Opener.COORDINATOR:
        return "the coordinator holds a key that could read single contributions"
    return "nobody alone can read a single contribution"
