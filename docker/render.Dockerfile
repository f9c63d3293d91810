# Renders batches and sweeps. No torch, no OpenGL, no compiler: the default renderer needs none.
#   docker build -f docker/render.Dockerfile -t dcign-render .
#   mkdir -p data && docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/data:/data" dcign-render \
#     render-batches --factor elevation --n 12000
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE THIRD_PARTY.md ./
COPY render render
COPY dataset dataset
COPY train train
COPY pipelines pipelines
RUN python -m venv /opt/dcign \
    && /opt/dcign/bin/pip install --no-cache-dir --constraint constraints.txt ".[render]"

FROM python:3.11-slim-bookworm
COPY --from=build /opt/dcign /opt/dcign
# Compiled kernels and the built-in head are cached where any user may write.
ENV PATH=/opt/dcign/bin:$PATH \
    NUMBA_CACHE_DIR=/tmp/numba \
    XDG_CACHE_HOME=/tmp/cache
RUN useradd --uid 1000 --create-home dcign && mkdir /data && chown 1000:1000 /data
USER 1000
WORKDIR /data
VOLUME /data
CMD ["dcign", "--help"]
