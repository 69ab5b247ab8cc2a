# The service's one image: dashboard and workers differ by their command alone. See docs/how-to/compose.md.
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY search_spaces search_spaces
COPY storage storage
COPY tuner tuner
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm

# PyPI's torch for Linux is the CUDA build with its libraries; this index has one without. For GPUs: https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=cmaes,images,postgres,quickstart,s3

# Named volumes take the owner of the folder that they are mounted on.
RUN groupadd --gid 10001 tuner \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /cache --shell /usr/sbin/nologin tuner \
    && install --directory --owner=10001 --group=10001 /cache /checkpoints \
    && python -m venv /opt/tuner
ENV PATH=/opt/tuner/bin:$PATH

# Dependencies first: they are gigabytes, and do not change with the sources. A pip.conf for a mirror comes as a secret, which
# stays out of the image.
WORKDIR /opt/requirements
COPY constraints.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --no-cache-dir --constraint constraints.txt --no-deps --index-url "$TORCH_INDEX" torch
COPY pyproject.toml ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
extras = [line for name in sys.argv[1].split(",") for line in project["optional-dependencies"][name]]; \
print(*project["dependencies"], *extras, sep="\n")' "$EXTRAS" >requirements.txt \
    && pip install --no-cache-dir --constraint constraints.txt --requirement requirements.txt
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps /wheels/*.whl && pip check \
    && mkdir -p /app/examples && tuner init --example rotten-tomatoes /app/examples/rotten_tomatoes.yaml

ENV PYTHONUNBUFFERED=1 \
    HOME=/cache \
    HF_HOME=/cache/huggingface \
    TUNER_CACHE=/cache/tuner
USER 10001:10001
WORKDIR /studies
ENTRYPOINT ["tuner"]
CMD ["--help"]
