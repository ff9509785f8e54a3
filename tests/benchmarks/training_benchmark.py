"""PyTorch's side of training_benchmark: the same network, batch, loss and optimizer.

Usage: training_benchmark.py [THREADS [STEPS [CHANNELS DEPTH BATCH PATCH]]]. Needs python3-torch.
"""
import os
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Twice(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class Net(nn.Module):
    def __init__(self, channels, depth):
        super().__init__()
        width = [channels * 2**k for k in range(depth + 1)]
        self.enc = nn.ModuleList([Twice(1 if k == 0 else width[k - 1], width[k]) for k in range(depth + 1)])
        levels = list(reversed(range(depth)))
        self.up = nn.ModuleList([nn.ConvTranspose2d(width[k + 1], width[k], 2, stride=2) for k in levels])
        self.dec = nn.ModuleList([Twice(2 * width[k], width[k]) for k in levels])
        self.head = nn.Conv2d(channels, 1, 1)

    def forward(self, x):
        skips = []
        for k, layer in enumerate(self.enc):
            x = layer(x if k == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, dec in zip(self.up, self.dec):
            x = dec(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    given = [int(a) for a in sys.argv[1:]]
    default = [os.cpu_count(), 5, 16, 4, 8, 256]
    threads, steps, channels, depth, batch, patch = given + default[len(given):]
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = Net(channels, depth).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.rand(batch, 1, patch, patch) * 2 - 1
    t = (torch.rand(batch, 1, patch, patch) < 0.1).float()
    for i in range(steps):
        begin, cpu = time.perf_counter(), cpu_seconds()
        optimizer.zero_grad(set_to_none=True)
        z = net(x)
        p = torch.sigmoid(z)
        loss = F.binary_cross_entropy_with_logits(z, t) + 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
        loss.backward()
        optimizer.step()
        loss = loss.item()
        print(f"step {i}: loss {loss:.4f}, {time.perf_counter() - begin:.3f} s, {cpu_seconds() - cpu:.3f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
