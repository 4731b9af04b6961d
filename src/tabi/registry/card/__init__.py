"""The model card: what a reader must know before using the model, in Hugging Face's form and as one page."""
