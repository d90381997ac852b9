"""The settings of one training run. A TOML file names only what differs from the defaults here."""

from dataclasses import dataclass, field
from pathlib import Path

TASKS = ("answer", "pretrain", "classify", "preference")
METHODS = ("lora", "rslora", "galore", "full")
PRECISIONS = ("auto", "bf16", "nf4", "f32")  # of the frozen base while an adapter is trained
BALANCES = ("none", "sample", "weights")
CANDIDATES = ("before", "16bit", "nf4", "awq", "gptq", "extractive")  # of an evaluation
DEFAULT_BASE = "default"  # the base of the answer model that is shipped


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is learned from, and what is held out."""

    files: tuple[Path, ...] = ()  # a relative path is one from the working directory
    folders: tuple[Path, ...] = ()  # of raw documents, for the task "pretrain"
    columns: tuple[str, ...] = ()  # "question=質問文": what a field is read from, if not detected
    near_misses: bool = False  # add the questions of training/near_misses on passages of the files
    feedback: bool = False  # add the accepted corrections of the app
    max_rows: int = 0  # chosen at random; 0: all
    held_out_share: float = 0.2  # of the documents: they are tested on and never trained on
    max_held_out: int = 200
    not_found_share: float = 0.2  # of the rows, made by taking the right passage away if too few
    altered_share: float = 0.0  # of those, real questions with a detail changed
    questions_per_context: int = 1  # asked over the same sentences, which are then read once
    hidden_instructions: float = 0.0  # share of the passages that get one, to be read past
    passages: int = 4  # in a prompt, one of them the right one
    balance: str = "none"  # of labels
    author_share: float = 0.05  # of all rows, from one author of corrections
    licence: str = ""  # of the files, for the model card


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """How the prompt is written, while training and later when the model serves."""

    evidence_sentences: int = 0  # 0: whole passages
    has_examples: bool = False  # worked examples before the question; a tuned model needs none
    budget_tokens: int = 1200


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How the weights are changed. The names are those of the field."""

    method: str = "lora"
    adapter: str = ""  # folder of one of the same base to go on with; "": a new one
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("all-linear",)
    precision: str = "auto"
    learning_rate: float = 1e-3
    epochs: float = 1.0
    max_steps: int = 0  # 0: as the epochs say
    batch_size: int = 2  # rows at once: the memory is theirs
    gradient_accumulation: int = 2  # batches for one step
    warmup_ratio: float = 0.05
    weight_decay: float = 0.0
    neftune_alpha: float = 0.0  # noise on embeddings (Jain et al., 2023, arXiv:2310.05914); 0: none
    galore_update_gap: int = 200  # steps between two projections
    galore_scale: float = 0.25
    max_tokens: int = 1280  # of a row; a longer one is rejected by the check, never cut
    save_minutes: float = 5.0  # between two checkpoints
    dpo_beta: float = 0.1


@dataclass(frozen=True, slots=True)
class QuantizeSettings:
    """GPTQ of the merged model.

    The default model loses 0.03 of F1 in 4 bits and is no faster for them: it is small enough that
    reading its weights is not what takes the time (docs/log.md). For a large model choose 4.
    """

    bits: int = 8
    group_size: int = 64
    desc_act: bool = False
    calibration_rows: int = 32


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """What is compared on the held-out rows, and when the model is to say "not found"."""

    candidates: tuple[str, ...] = ("before", "16bit", "gptq")
    max_rows: int = 100
    max_new_tokens: int = 64
    false_abstention: float = 0.07  # of answerable questions; settled on rows beyond max_rows


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One experiment."""

    name: str
    task: str = "answer"
    base: str = DEFAULT_BASE  # folder, name under the models folder, or hub id on this machine
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    quantize: QuantizeSettings = field(default_factory=QuantizeSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
