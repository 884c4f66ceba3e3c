# nndata with TensorFlow, for a cluster: docker build -t nndata . && docker run -v $PWD/data:/data nndata fetch wikipedia
FROM python:3.12-slim
WORKDIR /opt/nndata
COPY pyproject.toml README.md LICENSE ./
COPY nndata nndata
COPY pipelines pipelines
COPY configs configs
RUN pip install --no-cache-dir '.[tensorflow]'
ENV NNDATA_HOME=/data
ENTRYPOINT ["nndata"]
