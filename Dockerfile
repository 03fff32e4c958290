# The app, for a Hugging Face Space (Docker SDK) or any other host:
#   docker build -t captioner . && docker run --read-only --tmpfs /tmp -p 7860:7860 captioner
# The HTTP API alone: the same with, at the end,
#   python -m captioner serve --host 0.0.0.0 --port 7860
FROM python:3.12-slim

# A Space runs as user 1000 whatever stands here; elsewhere nothing runs as root either.
RUN useradd --uid 1000 --create-home captioner
WORKDIR /app

# Apart from the code, so that a change of it installs nothing again.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY .streamlit/config.toml .streamlit/config.toml
COPY LICENSE NOTICE streamlit_app.py ./
COPY artifacts artifacts
COPY captioner captioner
# What Python would write at the first start, while it still may.
RUN python -m compileall -q captioner streamlit_app.py

# Models from the Hub (CAPTIONER_REPO) and people's ratings are kept here, writable in a read-only container, too.
RUN mkdir bundles data && chown captioner bundles data
VOLUME /app/bundles /app/data

# All else that is written goes to /tmp: example pictures from the Hub, Streamlit's own settings.
ENV HOME=/tmp HF_HOME=/tmp/huggingface PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER captioner
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/api/v1/health', timeout=12)"]
CMD ["python", "-m", "streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.port=7860", "--server.headless=true"]
