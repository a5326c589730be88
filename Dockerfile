# SPDX-License-Identifier: Apache-2.0
# The container image, from Alpine or, with another base, from Debian:
#
#   docker build -t native-adapter .
#   docker build -t native-adapter --build-arg BASE_IMAGE=docker.io/library/debian:trixie-slim .
#   docker build --target test .             # builds and runs the tests on the image's own libraries
#
# docs/building.md tells all arguments.
ARG BASE_IMAGE=docker.io/library/alpine:3.24

# ---- builder: compiles the program -----------------------------------------------------------------------------------
FROM ${BASE_IMAGE} AS builder
WORKDIR /app

# Packages first, then the sources of libraries that the distribution lacks: neither is fetched again when only our own
# sources change.
COPY scripts/install-deps scripts/
RUN scripts/install-deps --layer build
ARG WRAPS=missing
COPY scripts/image-step scripts/
COPY meson.build meson_options.txt ./
COPY subprojects/*.wrap subprojects/
RUN scripts/image-step wraps ${WRAPS}

COPY include include
COPY schema schema
COPY examples examples
COPY src src
RUN scripts/image-step configure build -Dtests=disabled \
  && meson compile -C build \
  && strip -o adapter build/src/app/adapter \
  && chmod 0555 adapter \
  && scripts/image-step packages build/src/app/adapter > packages

# ---- test: runs the suite with this C library and these packages; nothing depends on it ------------------------------
FROM builder AS test
COPY scripts/count-tests scripts/test scripts/
RUN scripts/install-deps --layer test
COPY docs/configuration.md docs/
COPY tests tests
RUN scripts/image-step configure build-test -Dtests=enabled \
  && BUILD_DIR=build-test scripts/test

# ---- runtime: what is shipped ----------------------------------------------------------------------------------------
FROM ${BASE_IMAGE} AS runtime

# The packages of the shared libraries that the program names, certificates and time zones; then git, in a layer of its
# own, for whoever looks into the volume from within.
COPY --from=builder /app/packages /app/scripts/ /opt/build/
RUN /opt/build/install-deps --layer @/opt/build/packages
RUN /opt/build/install-deps --layer git
RUN /opt/build/image-step user glassops 1000 \
  && mkdir /data \
  && chown 1000:1000 /data \
  && /opt/build/image-step seal \
  && rm -rf /opt/build
COPY --from=builder --chown=1000:1000 /app/adapter /usr/local/bin/adapter

# It finds all of its libraries, as the user it is for.
USER glassops
RUN ["/usr/local/bin/adapter", "info"]

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="adapter" \
  org.opencontainers.image.description="Keeps folders on a volume in step with git repositories over HTTPS" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.licenses="Apache-2.0"

ENV ADAPTER_DATA_DIR=/data \
  ADAPTER_ADMIN_LISTEN=127.0.0.1:8080
VOLUME ["/data"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --retries=3 CMD ["/usr/local/bin/adapter", "health"]
# glassops, by number: Kubernetes' runAsNonRoot cannot judge a name.
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/adapter"]
