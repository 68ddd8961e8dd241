"""Fine-tuning a BERT: heads for ratings and recommendations, low-rank corrections, augmented texts."""

from coursekit.models.finetuning.biencoder import BertBiEncoder as BertBiEncoder
from coursekit.models.finetuning.crossencoder import BertCrossEncoder as BertCrossEncoder
from coursekit.models.finetuning.lora import LoRALinear as LoRALinear
from coursekit.models.finetuning.lora import add_lora as add_lora
from coursekit.models.finetuning.lora import load_lora as load_lora
from coursekit.models.finetuning.lora import merge_lora as merge_lora
from coursekit.models.finetuning.lora import save_lora as save_lora
from coursekit.models.finetuning.regression import BertRatingRegressor as BertRatingRegressor
from coursekit.models.finetuning.synonyms import replace_synonyms as replace_synonyms
