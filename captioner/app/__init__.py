"""The pages that Streamlit serves; the only package that imports streamlit.

A page is a function ``page``: it reads widgets, makes one call, and draws. What it needs comes from
``state``; charts, pictures and phrases are made by modules that know neither Streamlit nor the model.
"""
