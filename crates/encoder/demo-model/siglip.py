"""SigLIP's two towers at demo size; parameter names are those of transformers' SiglipModel."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGE_PX, PATCH_PX, TOKENS = 112, 14, 32
WIDTH, HEADS, MLP = 192, 3, 576
VISION_LAYERS, TEXT_LAYERS = 4, 2


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = (p(x).view(b, n, self.heads, d // self.heads).transpose(1, 2)
                   for p in (self.q_proj, self.k_proj, self.v_proj))
        # Spelled out: on a CPU the fused kernel's backward pass is several times slower at 64 tokens.
        mixed = torch.softmax(q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5, -1) @ v
        return self.out_proj(mixed.transpose(1, 2).reshape(b, n, d))


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.self_attn, self.mlp = Attention(WIDTH, HEADS), Mlp(WIDTH, MLP)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class PoolingHead(nn.Module):
    """SigLIP's attention pooling: one learned query looks at all patches."""

    def __init__(self):
        super().__init__()
        self.probe = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.layernorm, self.mlp = nn.LayerNorm(WIDTH, eps=1e-6), Mlp(WIDTH, MLP)

    def forward(self, x):
        probe = self.probe.expand(x.shape[0], -1, -1)
        pooled = self.attention(probe, x, x, need_weights=False)[0]
        return (pooled + self.mlp(self.layernorm(pooled)))[:, 0]


class VisionEmbeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, WIDTH, PATCH_PX, stride=PATCH_PX)
        self.position_embedding = nn.Embedding((IMAGE_PX // PATCH_PX) ** 2, WIDTH)

    def forward(self, x):
        return self.patch_embedding(x).flatten(2).transpose(1, 2) + self.position_embedding.weight


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings, self.encoder = VisionEmbeddings(), Encoder(VISION_LAYERS)
        self.post_layernorm, self.head = nn.LayerNorm(WIDTH, eps=1e-6), PoolingHead()

    def forward(self, x):
        patches = self.post_layernorm(self.encoder(self.embeddings(x)))
        return self.head(patches), patches


class TextEmbeddings(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, WIDTH)
        self.position_embedding = nn.Embedding(TOKENS, WIDTH)

    def forward(self, ids):
        return self.token_embedding(ids) + self.position_embedding.weight


class Text(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embeddings, self.encoder = TextEmbeddings(vocabulary), Encoder(TEXT_LAYERS)
        self.final_layer_norm, self.head = nn.LayerNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, WIDTH)

    def forward(self, ids):
        return self.head(self.final_layer_norm(self.encoder(self.embeddings(ids)))[:, -1])


class Siglip(nn.Module):
    """Parameter names are those of transformers' SiglipModel."""

    def __init__(self, vocabulary):
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor([math.log(10.0)]))
        self.logit_bias = nn.Parameter(torch.tensor([-5.0]))
        self.vision_model, self.text_model = Vision(), Text(vocabulary)
        for name, p in self.named_parameters():
            if name.endswith("embedding.weight") and p.dim() == 2:
                nn.init.normal_(p, std=0.05)

    def pictures(self, x):
        return F.normalize(self.vision_model(x)[0].float(), dim=-1)

    def texts(self, ids):
        return F.normalize(self.text_model(ids).float(), dim=-1)
