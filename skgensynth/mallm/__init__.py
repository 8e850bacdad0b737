"""MALLM-GAN: rows from language models that improve a readable data generation process in text."""
