# SafeGrid on a slim Python, without root, with its compiled code prepared.
#   docker build -t safegrid . && docker run --rm -v "$PWD:/work" safegrid bench quick
FROM python:3.12-slim

COPY . /source
RUN pip install --no-cache-dir --constraint /source/constraints.txt "/source[train,render]" \
    && rm -r /source \
    && useradd --create-home safegrid \
    && mkdir /work && chown safegrid /work
USER safegrid
ENV NUMBA_CACHE_DIR=/home/safegrid/.cache/numba
# compiles what every environment needs, so that containers start at once
RUN python -c "import safegrid; [safegrid.evaluate(safegrid.registry.agent('uniform').train(name), name, 1, max_episode_steps=2) for name in safegrid.names()]"
WORKDIR /work
ENTRYPOINT ["safegrid"]
CMD ["--help"]
