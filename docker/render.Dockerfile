# Draws batches and sweeps: the CPU renderer, and pyrender over Mesa's OpenGL in software. No torch, no compiler.
#   docker build -f docker/render.Dockerfile -t dcign-render .
#   mkdir -p data && docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/data:/data" dcign-render \
#     render-batches --factor elevation --n 12000
#
# The tag names Debian's release as well as Python's: `3.11-slim` moves on to the next Debian, whose Mesa packages have
# other names and whose EGL is not the one that was tested.
FROM python:3.11-slim-bookworm AS build
# Or render,s3,cluster for object stores and Dask.
ARG EXTRAS=render
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE THIRD_PARTY.md ./
COPY render render
COPY dataset dataset
COPY train train
COPY pipelines pipelines
COPY dcign dcign
# Compiled here, and never checked against the sources again: a read-only container could not compile anything. (One file
# of PyOpenGL's is no Python any more: its code uses `async` as a name.)
RUN python -m venv --without-pip /opt/dcign \
    && pip --python /opt/dcign/bin/python install --no-cache-dir --no-compile --constraint constraints.txt ".[$EXTRAS]" \
    && find /opt/dcign -type d -name tests -prune -exec rm -r {} + \
    && python -m compileall -q --invalidation-mode unchecked-hash -x SGIX/async /opt/dcign/lib

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="dcign-render" \
    org.opencontainers.image.description="Draws one-factor batches of faces and chairs into zarr stores" \
    org.opencontainers.image.licenses="MIT"
# Debian keeps one version of each package: pinned ones would be gone with its next update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1 libgl1-mesa-dri \
    && rm -rf /var/lib/apt/lists/*
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
# As Ctrl-C: what is complete stays, and the same command goes on from there.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10m --timeout=2m CMD ["dcign-doctor"]
ENTRYPOINT ["start"]
CMD ["dcign", "--help"]
