"""The only package that names concrete classes: what each process is made of.

Imports stand inside the functions because each process loads only its own part: a worker that
held the store's and the gateway's libraries would cost three times its memory.
"""
