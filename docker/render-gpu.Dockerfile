# Draws through pyrender on an NVIDIA GPU, and on nothing else: there is no OpenGL in software in this image to fall back
# to. The driver's own libraries are not in it either; the NVIDIA container toolkit brings those of the host.
#   docker build -f docker/render-gpu.Dockerfile -t dcign-render-gpu .
#   mkdir -p data && docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD/data:/data" dcign-render-gpu \
#     render-batches --factor elevation --n 12000
#
# Why this base: see render.Dockerfile.
FROM python:3.11-slim-bookworm AS build
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
LABEL org.opencontainers.image.title="dcign-render-gpu" \
    org.opencontainers.image.description="Draws one-factor batches of faces and chairs into zarr stores on a GPU" \
    org.opencontainers.image.licenses="MIT"
# The loaders alone: Mesa comes along as what they depend on, and goes. Without it, and with NVIDIA's file named below, EGL
# either is the GPU's or does not start. (libgl1, although nothing here has a window: PyOpenGL 3.1.0 looks for no other.)
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libegl1 libgl1 \
    && dpkg --purge --force-depends libegl-mesa0 libglx-mesa0 libgl1-mesa-dri libllvm15 \
    && rm -rf /var/lib/apt/lists/*
COPY docker/10_nvidia.json /usr/share/glvnd/egl_vendor.d/
COPY --from=build /opt/dcign /opt/dcign
COPY docker/start docker/warm /usr/local/bin/
# Everything that is written beside /data goes to /tmp, for whichever user the container runs as.
ENV PATH=/opt/dcign/bin:$PATH \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    NUMBA_CACHE_DIR=/tmp/cache/numba
RUN warm && install --directory --mode=1777 /data
# `graphics` is what EGL needs, and is not among the capabilities that a container gets unasked. The last line makes
# pyrender the renderer of stores that are made here.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics \
    __EGL_VENDOR_LIBRARY_FILENAMES=/usr/share/glvnd/egl_vendor.d/10_nvidia.json \
    DCIGN_BACKEND=pyrender
USER 1000:1000
WORKDIR /data
VOLUME /data
# As Ctrl-C: what is complete stays, and the same command goes on from there.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10m --timeout=2m CMD ["dcign-doctor", "--require-gpu"]
ENTRYPOINT ["start"]
CMD ["dcign", "--help"]
