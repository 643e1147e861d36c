"""The Streamlit app, and the seed's two functions."""
