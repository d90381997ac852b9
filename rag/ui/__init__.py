"""The Streamlit pages. Streamlit is imported here and in `app.py` alone."""
