# The `weipay` command, which by default runs the sandbox. docs/docker.md shows how to use it.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p weipay-cli

FROM debian:bookworm-slim
COPY --from=build /src/target/release/weipay /usr/local/bin/
# For calls of the real platform, and for notifications to https addresses: this image has no root certificates.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# The sandbox keeps keys: its folder belongs to one user and is closed to others.
RUN useradd --system --no-create-home weipay && install -d -m 700 -o weipay /data
USER weipay
VOLUME /data
EXPOSE 8880
ENTRYPOINT ["weipay"]
CMD ["sandbox", "--data", "/data", "--listen", "0.0.0.0:8880"]
