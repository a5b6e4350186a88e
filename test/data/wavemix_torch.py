"""Made wavemix_torch.safetensors (a state dict as a PyTorch user saves it, with the names of the WaveMix authors) and
wavemix_torch_answers.safetensors (pictures, and what PyTorch makes of them).  python wavemix_torch.py"""
import torch
from torch import nn
from safetensors.torch import save_file


class Block(nn.Module):
    def __init__(self, dim, mult, ff, channels):
        super().__init__()
        self.levels = len(channels)
        self.feedforward = nn.Sequential(nn.Conv2d(4 * dim, mult, 1), nn.GELU(), nn.Dropout(0.5), nn.Conv2d(mult, ff, 1), nn.Dropout(0.5))
        for j, c in enumerate(channels, 1):
            setattr(self, f"ff{j}", nn.ConvTranspose2d(ff, c, 2 ** j + 2, 2 ** j, 1))

    def forward(self, x):
        out, ll = [], x
        for j in range(1, self.levels + 1):
            a, b, c, d = ll[..., ::2, ::2], ll[..., ::2, 1::2], ll[..., 1::2, ::2], ll[..., 1::2, 1::2]
            ll = (a + b + c + d) / 2
            details = torch.stack(((a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2), 2).flatten(1, 2)
            out.append(getattr(self, f"ff{j}")(self.feedforward(torch.cat((ll, details), 1))))
        return torch.cat(out, 1)


class WaveMix(nn.Module):
    def __init__(self, dim=8, mult=10, ff=6, channels=(4, 3, 1), depth=2, classes=5):
        super().__init__()
        self.layers = nn.ModuleList(nn.ModuleList([Block(dim, mult, ff, channels)]) for _ in range(depth))
        self.mlp_head = nn.Linear(dim, classes)
        self.conv = nn.Sequential(nn.Conv2d(3, dim // 2, 3, 1, 1), nn.Conv2d(dim // 2, dim, 3, 1, 1))

    def forward(self, x):
        x = self.conv(x)
        for block, in self.layers:
            x = block(x) + x
        return self.mlp_head(x.mean((2, 3)))


torch.manual_seed(1)
model = WaveMix().eval()
pictures = torch.randint(0, 256, (3, 24, 16, 3), dtype=torch.uint8)
with torch.no_grad():
    logits = model.double()((pictures.permute(0, 3, 1, 2).double() / 255 - 0.5) / 0.5)
save_file(model.float().state_dict(), "wavemix_torch.safetensors", metadata={"format": "pt"})
save_file({"pictures": pictures, "probabilities": logits.softmax(1).float(), "logits": logits.float()}, "wavemix_torch_answers.safetensors")
