import torch


class SignSGD(torch.optim.Optimizer):
    """Steps of one size, in the direction of each gradient's sign."""

    def __init__(self, params, lr=1e-3, scale=1.0):
        super().__init__(params, {"lr": lr, "scale": scale, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure=None):
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter -= group["lr"] * group["scale"] * parameter.grad.sign()
        return loss


def in_one_group(groups, lr):
    return torch.optim.SGD([parameter for group in groups for parameter in group["params"]], lr=lr)


def no_optimizer(groups, lr):
    return groups


def without_lr(groups):
    return torch.optim.SGD(groups, lr=1.0)
