"""Captions over HTTP, alone (``python -m captioner serve``) or beside the app's pages.

    request ──queue──> body, within limits ──worker thread──> picture, parameters ──> Caption ──> JSON

What was weighed: an answer depends on nothing but the request and the bundle. There are no cookies, no keys
and nothing that is kept, of a picture not even its name, so a page of another origin that makes a browser
send a request (cross-site request forgery, DNS rebinding) gains no more than whoever sends one directly: some
computing time, which the queue bounds, and the caption of its own picture. Without CORS headers, it cannot
read the answer of another origin. There is no limit per client either: behind a proxy, all clients have the
proxy's address. A server that should not be open to all belongs behind a proxy that asks who is there.
``serve`` also ends connections that send no whole request header; the app's server is Streamlit's, which does
not, for its pages either.
"""
