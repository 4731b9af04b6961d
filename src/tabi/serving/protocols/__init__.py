"""The protocols of the field, as translations: a request in their words -> rows, decisions -> a response."""
