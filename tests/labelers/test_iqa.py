"""A metric of pyiqa leaves transformers' Llama as it was: seen in a process of its own."""

import subprocess
import sys

CODE = """
from labelers.loading.iqa import create_metric
from transformers.models.llama import modeling_llama as llama
before = (llama.LlamaDecoderLayer, llama.LlamaModel.forward, llama.LlamaForCausalLM.forward)
create_metric("psnr", device="cpu")
assert before == (llama.LlamaDecoderLayer, llama.LlamaModel.forward, llama.LlamaForCausalLM.forward)
import torch, transformers
config = transformers.LlamaConfig(
    vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2
)
print(tuple(transformers.LlamaForCausalLM(config)(torch.tensor([[1, 2, 3]])).logits.shape))
"""


def test_a_llama_can_be_made_and_asked_after_a_metric():
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.stdout.strip() == "(1, 3, 9)", ran.stderr[-2000:]
