"""Ask your own documents: folder to index, question to cited answer.

Importing this package loads nothing heavy; each module imports its library on first use.
"""
