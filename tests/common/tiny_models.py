"""Tiny random language models with tokenizers of their own, saved where transformers finds them."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CORPUS = ["age is 75, sex is male, stage is new york, dose is 12.25, 100 101 250 2500"] * 20


def byte_level_tokenizer(*, merges: bool, single_digits: bool) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer, as GPT-2's (tokens of several digits) or as SmolLM2's (one token for each digit)."""
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    steps = [pre_tokenizers.Digits(individual_digits=True), byte_level] if single_digits else [byte_level]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=340 if merges else len(alphabet) + 1,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def save_model(folder, kind: str, *, positions: int = 256) -> str:
    """A random model of a kind in a folder; the folder's name."""
    tokenizer = byte_level_tokenizer(merges=True, single_digits=kind == "llama")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "gpt2":
            config = GPT2Config(
                vocab_size=len(tokenizer), n_positions=positions, n_embd=32, n_layer=2, n_head=2, initializer_range=0.2
            )
            network = GPT2LMHeadModel(config)
        else:
            network = LlamaForCausalLM(
                LlamaConfig(
                    vocab_size=len(tokenizer),
                    max_position_embeddings=positions,
                    hidden_size=32,
                    intermediate_size=48,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    tie_word_embeddings=True,
                    initializer_range=0.2,
                )
            )
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
