#!/bin/sh
# The best by hand: a copied template ($TEMPLATE), an etcd that elects itself at once and does not fsync, on a Unix
# socket that is awaited, readiness without the slow hooks, then a user's writes: a ConfigMap, and the Service kubernetes
# with its endpoint, which the server itself makes only after those hooks. Prints as bare-start.sh does.
set -eu
cd "$1"
cp -r --sparse=always "$TEMPLATE" etcd
chmod 700 etcd

"$ETCD" --data-dir=etcd --heartbeat-interval=10 --election-timeout=50 --unsafe-no-fsync \
  --listen-client-urls=unix://localhost:1 --advertise-client-urls=unix://localhost:1 \
  --listen-peer-urls=unix://localhost:2 --initial-advertise-peer-urls=unix://localhost:2 \
  --initial-cluster=default=unix://localhost:2 >etcd.log 2>&1 &
echo "pid etcd $!"
until [ -S localhost:1 ]; do sleep 0.005; done

"$KUBE_APISERVER" --etcd-servers=unix://localhost:1 \
  --bind-address=127.0.0.1 --secure-port="$PORT" --advertise-address="$ADDRESS" \
  --cert-dir=certs --client-ca-file=pki/ca.crt --tls-cert-file=pki/server.crt --tls-private-key-file=pki/server.key \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
  --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 \
  --disable-admission-plugins=ServiceAccount >kube-apiserver.log 2>&1 &
echo "pid kube-apiserver $!"

ask() {
  curl -s -o /dev/null -w '%{http_code}' --cacert pki/ca.crt --cert pki/user.crt --key pki/user.key "$@" || true
}
hooks='exclude=poststarthook/rbac/bootstrap-roles&exclude=poststarthook/scheduling/bootstrap-system-priority-classes'
configmap='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"first"}}'
server="https://127.0.0.1:$PORT"
service='{"apiVersion":"v1","kind":"Service","metadata":{"name":"kubernetes"},
  "spec":{"clusterIP":"10.96.0.1","ports":[{"name":"https","port":443,"targetPort":'"$PORT"'}]}}'
slice='{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4",
  "metadata":{"name":"kubernetes","labels":{"kubernetes.io/service-name":"kubernetes"}},
  "endpoints":[{"addresses":["'"$ADDRESS"'"],"conditions":{"ready":true}}],"ports":[{"name":"https","port":'"$PORT"'}]}'

create() {
  until [ "$(ask -H 'Content-Type: application/json' -d "$2" "$server/$1")" = 201 ]; do sleep 0.01; done
}
until [ "$(ask "$server/readyz?$hooks")" = 200 ]; do sleep 0.01; done
create api/v1/namespaces/default/configmaps "$configmap"
create api/v1/namespaces/default/services "$service"
create apis/discovery.k8s.io/v1/namespaces/default/endpointslices "$slice"
echo accepted
wait
