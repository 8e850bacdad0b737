"""DISCO-TAB: language models of rows, and the synthesizer that trains them."""
