# Trains, evaluates and explores on the CPU. It draws as well, so that every command works in it; without OpenGL.
#   docker build -f docker/train.Dockerfile -t dcign-train .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/data:/data" dcign-train \
#     train-dcign --store faces.zarr --preset quick
#
# Why this base: see render.Dockerfile.
FROM python:3.11-slim-bookworm AS build
# `all` brings ONNX, object stores and Dask as well.
ARG EXTRAS=render,train,web
# Where torch without CUDA is: a tenth of the size of the one on PyPI.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE THIRD_PARTY.md ./
COPY render render
COPY dataset dataset
COPY train train
COPY pipelines pipelines
COPY dcign dcign
# Compiled here, and never checked against the sources again: a read-only container could not compile anything. (One file
# of PyOpenGL's is no Python 3.11 any more, one of torch's tests not yet.) torch keeps its folders of tests, some of which
# it imports; its headers go.
RUN python -m venv --without-pip /opt/dcign \
    && pip --python /opt/dcign/bin/python install --no-cache-dir --no-compile --constraint constraints.txt \
        --extra-index-url "$TORCH_INDEX" ".[$EXTRAS]" \
    && find /opt/dcign -type d -name torch -prune -o -type d -name tests -prune -exec rm -r {} + \
    && rm -rf /opt/dcign/lib/python3.11/site-packages/torch/include \
    && python -m compileall -q --invalidation-mode unchecked-hash -x 'SGIX/async|torch/testing/_internal' /opt/dcign/lib

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="dcign-train" \
    org.opencontainers.image.description="Fits and evaluates Deep Convolutional Inverse Graphics Networks" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/dcign /opt/dcign
COPY docker/start docker/warm /usr/local/bin/
# Everything that is written beside /data goes to /tmp, for whichever user the container runs as.
ENV PATH=/opt/dcign/bin:$PATH \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    NUMBA_CACHE_DIR=/tmp/cache/numba
RUN warm && install --directory --mode=1777 /data
USER 1000:1000
WORKDIR /data
VOLUME /data
# As Ctrl-C: a checkpoint is written after the batch at hand, and the same command goes on from there.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10m --timeout=2m CMD ["dcign-doctor"]
ENTRYPOINT ["start"]
CMD ["dcign", "--help"]
