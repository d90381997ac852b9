"""Fumikura in a browser: `streamlit run app.py`, or `python -m rag serve`.

The web server imports this file and finds `app`. For every view of a page Streamlit runs it
as a script, and then it draws.
"""

import streamlit as st
from starlette.middleware import Middleware

from rag.ui.frame import draw
from rag.ui.server import PrivateMiddleware, allow_public_host, keep_offline, on_script_error

keep_offline()

if __name__ == "__main__":
    draw()
else:
    from rag.api.routes import api_routes
    from rag.ui.access_gate import AccessGate
    from rag.ui.services import load_services
    from rag.ui.sign_in import sign_in_routes

    app = st.App(
        __file__,
        routes=[*sign_in_routes(load_services), *api_routes(load_services)],
        middleware=[
            Middleware(PrivateMiddleware),
            Middleware(AccessGate, find_services=load_services),
        ],
        on_script_error=on_script_error,
    )
    allow_public_host()
