# c10m's three programs in an image of their own, static, nothing else in it.
#
#   docker build -t c10m .
#   docker run --network host --ulimit nofile=1048576:1048576 c10m server --ports 200
#   docker run --network host --ulimit nofile=1048576:1048576 c10m client --ports 200 --conns 100k
#
# What a container needs beside that, by what is asked of it:
#   millions of connections    --ulimit nofile=...; where the limit is low, fd tables a
#                              thread are taken instead (unshare(2) CLONE_FILES needs no
#                              capability, but a seccomp profile that lets it pass)
#   client --engine packets    --cap-add NET_ADMIN --device /dev/net/tun
#   tuning apply               settings of the network namespace: --sysctl net.core.somaxconn=65535
#                              --sysctl net.ipv4.ip_local_port_range="1024 65535"; those of the
#                              machine (fs.nr_open, fs.epoll.max_user_watches) on the host
#   exact memory figures       /proc/slabinfo is for root: --user 0 (the default) on a host
#                              without user namespaces
# --network host, because a bridge's translation of addresses (conntrack) ends at
# 262,144 connections.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 make build

FROM scratch
COPY --from=build /src/bin/server /src/bin/client /src/bin/tuning /usr/local/bin/
ENV PATH=/usr/local/bin
EXPOSE 9090 10000-10199 15000-15199
CMD ["server", "--bind", "0.0.0.0", "--ports", "200"]
