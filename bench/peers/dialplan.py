"""What every peer here routes: 1,000 numbers, each to three gateways in turn."""

GATEWAY = "[leg_timeout=20]sofia/gateway/"
ROUTES = {
    f"4420{i:08d}": "|".join(f"{GATEWAY}gw{k}/44161{i:07d}" for k in (1, 2, 3)) for i in range(1000)
}
